"""What the committee and the stakeholders of a BitShares chain decide holds on whole hosts, too.

Faults go on meanwhile. What nodes did, what their events tell and what the report says are one
story.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from node import events
from tests.lab.bench import MARKS, Bench, deployed
from tests.lab.told import by_host, once, run

pytestmark = MARKS

lab = deployed("govern", hosts=4)


def final_slots(told: dict[str, list[Any]]) -> list[int]:
    """Return the slots of the blocks that are final at some host, in order."""
    final = {r.id for own in told.values() for r in own if isinstance(r, events.Irreversible)}
    made = [r for own in told.values() for r in own if isinstance(r, events.Produced)]
    return sorted(r.slot for r in made if r.id in final)


def test_a_proposal_changes_the_block_interval_after_its_review_and_finality_follows(
    lab: Bench, tmp_path: Path
) -> None:
    folder, summary = run(lab, "interval_change", tmp_path)
    told = by_host(folder, lab.names)
    changes = []
    for own in told.values():
        ended = [r for r in own if isinstance(r, events.ProposalEnded)]
        assert {(r.proposal, r.outcome) for r in ended} == {(0, "executed")}
        steps = once(r for r in own if isinstance(r, events.ParametersInForce))
        assert [step.block_interval_s for step in steps] == [7]
        changes.append(steps[0])
    assert len({change.slot for change in changes}) == 1
    slots, change = final_slots(told), changes[0].slot
    before = [late - early for early, late in pairwise(slots) if late <= change]
    after = [late - early for early, late in pairwise(slots) if early > change]
    assert min(before) == 5
    assert min(after) == 7
    assert len(after) >= 20

    (trial,) = summary["cells"][0]["trials"]
    (proposal,) = trial["decisions"]["proposals"]
    assert (proposal["outcome"], proposal["changes"]) == ("executed", {"block_interval_s": "7"})
    (told_change,) = trial["decisions"]["changes"]
    assert told_change["block"] == changes[0].num
    assert proposal["ended"]["block"] < told_change["block"]
    assert "block_interval_s" in (folder / "report.html").read_text()


@pytest.mark.long
def test_the_proposal_of_a_committee_that_was_deposed_dies(lab: Bench, tmp_path: Path) -> None:
    folder, summary = run(lab, "deposed_committee", tmp_path)
    for own in by_host(folder, lab.names).values():
        ended = once(r for r in own if isinstance(r, events.ProposalEnded))
        assert [(r.proposal, r.outcome) for r in ended] == [(0, "unauthorized")]
        assert not [r for r in own if isinstance(r, events.ParametersInForce)]
        elected = once(r.members for r in own if isinstance(r, events.CommitteeElected))
        assert sorted(elected[-1]) == ended[0].committee
        assert elected[0] != elected[-1]
    (trial,) = summary["cells"][0]["trials"]
    (proposal,) = trial["decisions"]["proposals"]
    assert proposal["outcome"] == "unauthorized"
    assert trial["decisions"]["changes"] == []


@pytest.mark.long
def test_a_hard_fork_that_stakeholders_refuse_does_not_happen(lab: Bench, tmp_path: Path) -> None:
    folder, summary = run(lab, "refused_hard_fork", tmp_path)
    told = by_host(folder, lab.names)
    for own in told.values():
        steps = [r for r in own if isinstance(r, events.HardForkChanged)]
        assert {(r.hard_fork, r.state) for r in steps} == {("notes", "refused")}
        assert not [r for r in own if isinstance(r, events.Noted)]
    assert summary["metrics"]["hard_forks"] == {
        "scheduled": 0, "cleared": 0, "active": 0, "refused": 1,
    }  # fmt: skip
    (note,) = [note for note in summary["notes"] if "was refused" in note]
    assert note.endswith("hard_fork_inactive")
