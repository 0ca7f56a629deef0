"""FIO's delegation on campaigns that ship: what accounts ask for is what happens, everywhere."""

from __future__ import annotations

import itertools
from itertools import groupby
from pathlib import Path

import pytest

from harness.campaign import campaign_file
from node import events
from tests.sim.runs import facts, meets, simulated
from tests.sim.second import summary

pytestmark = pytest.mark.slow

PASSING = ("election", "fee_vote", "key_rotation", "proxy", "shrink", "split_election")
A, B, C, D, E = (f"producer{letter}" for letter in "abcde")
STAKE = 10_000_000 * 10**9


@pytest.mark.parametrize("name", PASSING)
def test_a_campaign_meets_what_it_expects_and_both_analyses_agree(
    name: str, tmp_path: Path
) -> None:
    done, told, run = simulated(name, tmp_path)
    meets(done, told)
    assert summary.compare(run, told) == []


def test_dead_newcomers_end_finality_for_good_and_the_verdict_says_so(tmp_path: Path) -> None:
    done, told, run = simulated("dead_newcomers", tmp_path)
    violated = [item["name"] for item in told["checks"] if item["verdict"] == "violated"]
    assert (done.exit_code, violated) == (1, ["finality_resumes"])
    assert summary.compare(run, told) == []
    final = told["metrics"]["irreversible"]
    assert len(set(final.values())) == 2  # The dead stopped earlier, all others at one block.


@pytest.mark.parametrize(
    ("option", "verdict"), [(", enable_stale_production: n2", "pass"), ("", "fail")]
)
def test_after_a_shrink_a_restarted_one_brings_finality_back_if_its_operator_says_so(
    option: str, verdict: str, tmp_path: Path
) -> None:
    text = campaign_file.find("shrink").read_text()
    text = text.replace("for: 22s, fault: pause, on: n2", "fault: kill, on: n2, restart_after: 22s")
    path = tmp_path / "restarted.yml"
    path.write_text(text.replace("blocks_per_turn: 2}", f"blocks_per_turn: 2{option}}}"))
    _, told, _ = simulated(str(path), tmp_path)
    assert told["verdict"] == verdict


def test_the_elected_stand_by_and_tallies_are_those_of_the_votes() -> None:
    elected = facts("election", events.Elected)
    # Who is first among equal votes, changes with what the load's transfers leave to each.
    assert [
        found for found, _ in groupby((e.outcome, e.producers, e.standby) for e in elected)
    ] == [
        ("proposed", [A, B, C, D], [E]),
        ("unchanged", [A, B, C, D], [E]),
        ("proposed", [A, B, C, E], [D]),
        ("unchanged", [A, B, C, E], [D]),
    ]
    assert elected[0].tally.keys() == {A, B, C, D, E}
    weights = [round(elected[-1].tally[name] / STAKE, 6) for name in (A, B, C, E)]
    assert weights == [3, 3, 3, 3]


def test_a_proxys_weight_moves_with_its_vote_and_leaves_with_those_who_take_it_back() -> None:
    moved = facts("proxy", events.Voted, events.Proxied)
    weights = [(one.account, one.weight // STAKE) for one in moved]
    assert sorted(weights[:3]) == [("userb", 1), ("userc", 1), ("userd", 1)]
    assert sorted(weights[3:5]) == [(E, 1), ("usera", 4)]
    assert weights[5] == ("usera", 4)
    assert sorted(weights[6:]) == [(D, 1), ("userb", 1), ("userc", 1), ("usere", 1)]


def test_the_fee_is_the_median_of_votes_times_multipliers_and_comes_back_as_pay() -> None:
    told = facts("fee_vote", events.FeeChanged, events.Paid)
    changed = [one for one in told if isinstance(one, events.FeeChanged)]
    assert [(one.endpoint, one.before, one.amount, one.votes) for one in changed] == [
        ("transfer", 1_000_000, 5_000_000, 4), ("transfer", 5_000_000, 7_000_000, 4),
    ]  # fmt: skip
    paid = [(one.what, one.account) for one in told if isinstance(one, events.Paid)]
    assert paid == [("producer", A), ("producer", B)]


def test_another_key_takes_turns_after_two_finalities_and_no_slot_is_missed() -> None:
    changes = facts("key_rotation", events.Registered, events.Schedule)
    assert [getattr(one, "state", "registered") for one in changes] == [
        "registered", "proposed", "pending", "active",
    ]  # fmt: skip
    registered, *steps = changes
    assert registered.key != ""
    # Three of four producers, twice: 22 to 24 blocks of finality with six blocks a turn.
    announced, active = (after.num - step.num for step, after in itertools.pairwise(steps))
    assert min(announced, active) >= 22
