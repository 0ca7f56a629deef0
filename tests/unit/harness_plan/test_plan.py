"""The plan is a pure function of campaign and lab: drawn by seed, safe, with phases and quorum."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import PlanError
from harness.plan import planner
from metrics.model.plan import decode, encode
from tests.unit.harness_plan.builders import ALL_ABLE, file, lab, planned

ROOT = Path(__file__).resolve().parents[3]
S = 1_000_000_000
DELAY = "{at: 20s, for: 10s, fault: delay, between: all, delay: 80ms}"
SPLIT = "{at: 40s, for: 10s, fault: partition, shape: minority}"


def test_producers_are_dealt_round_robin_in_inventory_order() -> None:
    dealt = {host.host: host.producers for host in planned(hosts=3, producers=4).hosts}
    assert dealt == {"n1": ["producera", "producerd"], "n2": ["producerb"], "n3": ["producerc"]}


def test_hosts_beyond_the_producers_are_observers() -> None:
    assert planned(hosts=5, producers=4).hosts[4].producers == []


def test_the_same_campaign_gives_the_same_bytes_under_any_hash_seed() -> None:
    code = (
        "from metrics.model.plan import encode\n"
        "from tests.unit.harness_plan.builders import planned\n"
        f"print(encode(planned('[{DELAY}, {SPLIT}]', hosts=7, producers=7)).decode())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1


def test_a_plan_survives_its_file() -> None:
    made = planned(f"[{DELAY}, {SPLIT}]")
    assert decode(encode(made)) == made


def test_phases_cover_the_trial_without_gaps_and_overlaps_have_their_own() -> None:
    second = "{at: 25s, for: 10s, fault: kill, on: n1, restart_after: 10s, id: crash}"
    bad = file(f"[{DELAY}, {second}]".replace("for: 10s, fault: kill", "fault: kill"))
    phases = planner.build(bad, lab()).trials[0].phases
    assert [(p.name, p.start_ns // S) for p in phases] == [
        ("warmup", 0), ("baseline", 10), ("delay-1", 20), ("delay-1+crash", 25), ("crash", 30),
        ("recovery", 35), ("after", 40),
    ]  # fmt: skip
    assert [p.end_ns for p in phases[:-1]] == [p.start_ns for p in phases[1:]]


def test_quorum_counts_the_largest_side_and_marks_where_finality_is_not_expected() -> None:
    split = "{at: 20s, for: 10s, fault: partition, shape: [[n1, n2], [n3, n4]]}"
    trial = planned(f"[{split}]", more="safety: {max_unreachable: 2}").trials[0]
    assert [(q.from_ns // S, q.live, q.needed, q.finality_expected) for q in trial.quorum] == [
        (0, 4, 3, True),
        (20, 2, 3, False),
        (30, 4, 3, True),
    ]


def test_a_clock_beyond_the_limit_takes_its_producer_out_of_the_quorum() -> None:
    for by, live in (("124ms", 4), ("125ms", 3), ("-300ms", 3)):
        step = f"{{at: 20s, for: 10s, fault: clock_step, on: one, by: {by}}}"
        quorum = planned(f"[{step}]").trials[0].quorum
        assert min(q.live for q in quorum) == live


@pytest.mark.parametrize(
    ("timeline", "message"),
    [
        (
            "{at: 20s, for: 5s, fault: partition, shape: [[n1, n2], [n3, n4]]}",
            "leaves 2 hosts cut off or down, the limit is 1; lower the fault, or write"
            " max_unreachable: 2",
        ),
        (
            ", ".join([DELAY, *["{at: 25s, for: 5s, fault: delay, delay: 1ms}"] * 4]),
            "delay-5 is one more than the 4 that packets of n2 can be led through at one time;"
            " start it at 40s or later",
        ),
        (
            "{at: 20s, for: 5s, fault: partition, shape: [[n1], [n1, n2]]}",
            "n1 stands in two groups",
        ),
    ],
)
def test_what_is_unsafe_is_refused_in_one_line(timeline: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        planned(f"[{timeline}]")
    assert message in str(caught.value)
    assert str(caught.value).startswith("test.yml: ")


@pytest.mark.parametrize(
    ("changes", "how"),
    [
        ({"netem": True}, "netem"),
        ({"netem": False}, "queue"),
        ({"netem": False, "nfqueue": False}, "unsupported here: delay needs sch_netem or NFQUEUE"),
    ],
)
def test_a_delay_is_done_by_what_all_hosts_can_do(changes: dict[str, bool], how: str) -> None:
    view = lab(capabilities={**ALL_ABLE, **changes})
    if how.startswith("unsupported"):
        with pytest.raises(PlanError, match=how):
            planner.build(file(f"[{DELAY}]"), view)
    else:
        assert planner.build(file(f"[{DELAY}]"), view).trials[0].faults[0].how == how


def test_trials_are_cells_times_repeat_each_with_a_seed_of_its_own() -> None:
    more = "trials: {repeat: 3}\nmatrix: {d: [10ms, 20ms]}"
    made = planned("[{at: 20s, for: 5s, fault: delay, delay: '${d}'}]", more=more)
    assert sorted(trial.cell for trial in made.trials) == [1, 1, 1, 2, 2, 2]
    assert [trial.n for trial in made.trials] == [1, 2, 3, 4, 5, 6]
    assert len({trial.seed for trial in made.trials}) == 6
    for trial in made.trials:
        assert trial.faults[0].asked["delay_ns"] == (10_000_000 if trial.cell == 1 else 20_000_000)


@given(
    hosts=st.integers(1, 12),
    producers=st.integers(1, 26),
    seed=st.integers(0, 1 << 32),
    shape=st.sampled_from(["minority", "majority"]),
)
def test_a_drawn_partition_always_leaves_one_side_a_quorum(
    hosts: int, producers: int, seed: int, shape: str
) -> None:
    timeline = f"[{{at: 20s, for: 5s, fault: partition, shape: {shape}}}]"
    campaign_file = file(timeline, producers=producers, more="safety: {max_unreachable: 99}")
    try:
        made = planner.build(campaign_file, lab(hosts), seed=seed)
    except PlanError as error:
        assert "no host can be spared" in str(error) or "cuts nothing" in str(error)  # noqa: PT017
        return
    assert all(q.finality_expected for q in made.trials[0].quorum)
    groups = made.trials[0].faults[0].groups
    assert groups is not None
    assert sorted(h for g in groups for h in g) == sorted(h.host for h in made.hosts)
