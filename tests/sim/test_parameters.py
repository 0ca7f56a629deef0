"""A committee changes parameters, on campaigns that ship: what is asked for is what happens."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from harness.campaign import campaign_file
from harness.plan import lab_view, planner
from harness.sim.campaign import Simulated, simulate
from node import events
from node.events import Applied, ParametersInForce, Produced, ProposalEnded, Switched
from tests.sim.runs import meets, simulated
from tests.sim.second import summary

pytestmark = pytest.mark.slow

S = 1_000_000_000
PASSING = ("deposed_committee", "interval_change", "interval_fork")


def run(text: str) -> Simulated:
    """Return the raw files of a campaign's first trial."""
    file = campaign_file.parse(text, Path("test.yml"))
    plan = planner.build(file, lab_view.simulated(file))
    return simulate(plan, plan.trials[0])


def shipped(name: str, **replaced: str) -> Simulated:
    """Return the raw files of a shipped campaign, of which parts of the text are replaced."""
    text = campaign_file.find(name).read_text()
    for old, new in replaced.items():
        text = text.replace(f"${{{old}}}", new)
    return run("\n".join(line for line in text.splitlines() if not line.startswith("matrix:")))


def told(done: Simulated, host: str, kind: type[events.Record]) -> list[Any]:
    """Return what a node told of one kind, in order."""
    lines = (events.decode(line)[1] for line in done.events[host].splitlines())
    return [record for record in lines if isinstance(record, kind)]


@pytest.mark.parametrize("name", PASSING)
def test_a_campaign_meets_what_it_expects_and_both_analyses_agree(
    name: str, tmp_path: Path
) -> None:
    done, found, folder = simulated(name, tmp_path)
    meets(done, found)
    assert summary.compare(folder, found) == []


def test_blocks_come_on_the_grid_of_the_interval_in_force_and_maintenance_at_its_own_times() -> (
    None
):
    done = shipped("interval_change")
    (ended,) = told(done, "n1", ProposalEnded)
    assert (ended.outcome, ended.approved_by) == (
        "executed", ["producera", "producerb", "producerc"],
    )  # fmt: skip
    (change,) = told(done, "n1", ParametersInForce)
    assert (change.block_interval_s, change.maintenance_interval_s) == (7, 60)
    slots = {one.num: one.slot for one in told(done, "n1", Applied)}
    gaps = [(num, slots[num] - slots[before]) for before, num in pairwise(sorted(slots))]
    # One slot is skipped after each maintenance; the first gap from one grid to the other is odd.
    assert {gap for num, gap in gaps if num <= change.num} == {5, 10}
    assert {gap for num, gap in gaps if num > change.num + 1} == {7, 14}
    after = {gap for num, gap in gaps if num == change.num + 1}
    assert after <= set(range(8, 15))


@pytest.mark.parametrize(("choice", "wins"), [("participation", 3), ("longest", 0)])
def test_after_an_interval_changed_on_one_side_of_a_split_the_rule_decides_which_side_wins(
    choice: str, wins: int
) -> None:
    """The side that changed it has more of its slots, the other one has more blocks."""
    done = shipped("interval_fork", choice=choice)
    changed = {host: len(told(done, host, ParametersInForce)) for host in done.events}
    switched = {host for host in done.events if told(done, host, Switched)}
    if wins == 3:
        assert switched == {"n4", "n5"}
        assert set(changed.values()) == {1}
    else:
        assert switched == {"n1", "n2", "n3"}
        assert changed == {"n1": 1, "n2": 1, "n3": 1, "n4": 0, "n5": 0}


@pytest.mark.parametrize("deposed", [True, False])
def test_a_proposal_of_a_committee_that_is_deposed_during_the_review_dies(deposed: bool) -> None:
    old, new = ["usera", "userb", "userc"], ["producera", "producerb", "producerc"]
    text = campaign_file.find("deposed_committee").read_text()
    load = "load: {rate: 10/s, size: 256B}\n"
    assert load in text
    text = text.replace(load, "")  # What it moves decides between votes of the same stake.
    voted = "  - {at: 17s, act: vote, by: userd, "
    assert voted in text
    done = run(text if deposed else text.replace(voted, "  - {at: 17s, act: vote, by: userc, "))
    (ended,) = told(done, "n1", ProposalEnded)
    # The other vote has the same stake: who registered first stays, so all three of the old ones.
    assert set(ended.committee) == set(new if deposed else old)
    assert ended.approved_by == ([] if deposed else ended.committee)
    assert ended.outcome == ("unauthorized" if deposed else "executed")


ATTACK = """
schema: slotlab.campaign/v1
title: two of five change the interval on a branch of their own, to win with the next block
seed: 4
chain:
  profile: bitshares
  producers: 5
  slot: 500ms
  bitshares:
    block_interval: 5s
    maintenance_interval: 60s
    maintenance_skip_slots: 0
    fork_choice: ${choice}
    committee: {review_period: 70s, max_proposal_lifetime: 600s}
    voting: {committee: [usera, userb, userc]}
warmup: 10s
cooldown: 25s
safety: {max_unreachable: 5}
timeline:
  - {at: 12s, act: propose, by: userd, parameters: {block_interval_s: 30}, lifetime_s: 110}
  - {at: 13500ms, act: approve, by: usera, proposal: 0}
  - {at: 13500ms, act: approve, by: userb, proposal: 0}
  - {id: split, at: 19s, for: 10s, fault: partition, shape: [[n1, n2], [n3, n4, n5]]}
  - {at: 20s, act: withdraw_approval, by: userb, proposal: 0, on: n4}
"""


@pytest.mark.parametrize("choice", ["longest", "participation", "literal_s0"])
def test_by_the_letter_of_s0_a_minority_reverses_the_others_blocks_with_one_of_its_own(
    choice: str,
) -> None:
    """C.17: counted from its own change, the attackers' branch has all of its slots, one of one.

    They change it on their branch alone, since an approval is taken back on the other one, and are
    fewer: neither by its length nor by participation since the split does it win.
    """
    done = run(ATTACK.replace("${choice}", choice))
    (change,) = told(done, "n1", ParametersInForce)
    made = [one for host in ("n1", "n2") for one in told(done, host, Produced)]
    (only,) = [one for one in made if one.num == change.num + 1 and one.slot < change.slot + 31]
    honest = {host: told(done, host, Switched) for host in ("n3", "n4", "n5")}
    if choice != "literal_s0":
        assert honest == {"n3": [], "n4": [], "n5": []}
        assert [one.num for one in told(done, "n3", ParametersInForce)] == []
        return
    for switches in honest.values():
        (switch,) = switches
        assert (switch.new_num, switch.depth) == (only.num, switch.old_num - 38)
        assert switch.old_num > only.num + 5
    assert told(done, "n3", ParametersInForce) == [change]
