"""The hunt: one seed, the same finds; nothing breaks inside the bounds; finds get small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.campaign import campaign_file
from harness.fuzz import attempt, draw
from harness.fuzz.draft import Draft
from harness.fuzz.hunt import Hunt, hunt
from harness.fuzz.judge import Witness
from harness.fuzz.shrink import smallest
from harness.plan import lab_view, planner
from node.events import Produced

pytestmark = pytest.mark.slow

PROFILES = ("eosio", "bitshares")
CONFLICT = 56
"""A draw of seed 1 beyond the bounds, in which honest nodes finalize two branches."""


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("where", sorted(draw.HUNTS))
def test_each_draw_is_a_campaign_of_at_most_7_nodes_and_400_slots(profile: str, where: str) -> None:
    for n in range(15):
        text = draw.text(draw.HUNTS[where](profile, draw.stream(3, n)))
        assert text == draw.text(draw.HUNTS[where](profile, draw.stream(3, n)))
        file = campaign_file.parse(text, Path("drawn.yml"))
        planned = planner.build(file, lab_view.simulated(file))
        assert len(planned.hosts) <= draw.NODES_MAX
        assert planned.end_ns <= draw.SLOTS * planned.interval_ns
        liars = {h for f in planned.trials[0].faults if f.fault == "byzantine" for h in f.targets}
        assert len(liars) <= (len(planned.producers) - 1) // 3


@pytest.mark.parametrize("profile", PROFILES)
def test_inside_the_bounds_no_rule_breaks(profile: str) -> None:
    wanted = Hunt(profile=profile, where="inside", runs=8, seed=8, workers=1)
    result = hunt(wanted, lambda done, broken: None)
    assert result.broken == ()
    assert result.final > 800


def test_what_is_found_does_not_depend_on_the_number_of_processes() -> None:
    def result(workers: int) -> object:
        wanted = Hunt(profile="eosio", where="beyond", runs=4, seed=1, workers=workers)
        return hunt(wanted, lambda done, broken: None)

    assert result(1) == result(2)


def test_beyond_the_bounds_the_hunt_finds_conflicting_finality_by_itself() -> None:
    outcome = attempt.run(draw.text(draw.beyond("eosio", draw.stream(1, CONFLICT))))
    assert [breach.invariant for breach in outcome.breaches] == ["I1"]


def test_a_lost_disk_is_outside_the_bounds_and_seen() -> None:
    draft = draw.inside("eosio", draw.stream(1, 0))
    draft["timeline"] = [
        {"at": "30s", "fault": "crash", "on": ["n1"], "restart_after": "5s", "loses": "everything"}
    ]
    draft["cooldown"] = "20s"
    broken = {breach.invariant for breach in attempt.run(draw.text(draft)).breaches}
    assert {"I2", "I10"} <= broken


def test_two_blocks_for_one_slot_are_seen() -> None:
    witness = Witness(t0_ns=0, epoch_ns=0, slot_ns=500_000_000, liars=frozenset(("n2",)))
    for host, id_ in (("n1", "aa"), ("n1", "bb"), ("n2", "cc")):
        record = Produced(
            num=5, id=id_, slot=9, producer="producera", tx_count=0, size_bytes=9, confirmed=0,
            late_ns=0, fsync_ns=0,
        )  # fmt: skip
        witness.write(5_000_000_000, host, "node", None, record)
    breaches = witness.judge(tolerance_ns=1.0, two_stage=False, units=0)
    assert [breach.invariant for breach in breaches] == ["I4"]
    assert "cc" not in breaches[0].text


def test_a_find_shrinks_to_what_it_needs() -> None:
    draft = draw.inside("eosio", draw.stream(5, 1))
    draft["timeline"] = [
        {"at": "1000ms", "fault": "pause", "for": "4000ms", "on": ["n1", "n2"]},
        {"at": "9000ms", "fault": "crash", "restart_after": "8000ms", "on": ["n1", "n3"]},
        {"at": "9000ms", "fault": "silent", "for": "1000ms", "on": ["n2"]},
    ]

    def fails(candidate: Draft) -> bool:
        return any(
            fault["fault"] == "crash" and "n3" in fault["on"] for fault in candidate["timeline"]
        )

    small = smallest(draft, fails)
    assert small["timeline"] == [
        {"at": "9000ms", "fault": "crash", "restart_after": "1000ms", "on": ["n3"]}
    ]
    assert "load" not in small
    campaign_file.parse(draw.text(small), Path("small.yml"))


def test_the_command_says_what_it_did_and_refuses_words_it_does_not_know(tmp_path: Path) -> None:
    command = ["fuzz", "--runs", "2", "--workers", "1", "--out", str(tmp_path), "--json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0
    facts = json.loads(done.stdout.splitlines()[0])
    assert (facts["runs"], facts["broken"], facts["campaigns"]) == (2, [], [])
    wrong = CliRunner().invoke(app, ["fuzz", "--profile", "bitcoin"])
    assert wrong.exit_code != 0
