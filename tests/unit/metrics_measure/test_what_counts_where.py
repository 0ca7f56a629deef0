"""Which figure a slot, a block and a host count in: nothing leaks, and nothing is lost."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from faults.model.record import Record
from metrics.intake.intervals import steady
from metrics.intake.phase_windows import measured
from metrics.intake.trial import observed_until_ns
from metrics.measure import finality, head_lag, recovery
from metrics.measure.blocks import Block
from metrics.measure.finality import Finality, JudgedBlock
from metrics.measure.moments import Moments
from metrics.model.plan import Phase, PlannedFault, PlannedTrial
from tests.unit.metrics_build.bend import Lines, Rebuilt

NAN, INF = float("nan"), float("inf")


def test_slots_of_a_node_that_died_unasked_are_missed(rebuilt: Rebuilt) -> None:
    def die(lines: Lines) -> None:
        own = [x for x in lines["h3"] if x["node"] == "h3"]
        first = next(x for x in own if x["kind"] == "slot_due" and x["slot"] % 100 == 87)
        cut = {id(x) for x in own if x["mono_ns"] >= first["mono_ns"]}
        lines["h3"] = [x for x in lines["h3"] if id(x) not in cut]
        gone = {x["id"] for x in own if id(x) in cut and x["kind"] == "produced"}
        for host, found in lines.items():
            lines[host] = [x for x in found if x.get("id") not in gone]
            _renumber(lines[host])

    slots = rebuilt(die)["metrics"]["slots"]
    assert slots["unknown"] == 0
    assert slots["by_producer"]["producerc"]["missed"] == 30
    assert slots["reasons"]["node silent"] == 24


def test_what_a_node_says_of_another_branch_gives_no_reason_for_the_slot(rebuilt: Rebuilt) -> None:
    def elsewhere(lines: Lines) -> None:
        for line in lines["h2"]:
            if line["kind"] == "abstained":
                line["producer"] = "producerd"

    reasons = rebuilt(elsewhere)["metrics"]["slots"]["reasons"]
    assert reasons == {"in clock_step-1": 4, "node down (kill-1)": 4}


def test_a_slot_left_twice_for_the_clock_counts_once(rebuilt: Rebuilt) -> None:
    def again(lines: Lines) -> None:
        for line in [x for x in lines["h2"] if x["kind"] == "abstained"]:
            lines["h2"].insert(lines["h2"].index(line), dict(line))
        _renumber(lines["h2"])

    assert rebuilt(again)["metrics"]["clock"]["h2"]["abstained_clock"] == 4


def test_a_kill_without_an_end_lasts_to_the_end_and_has_nothing_to_recover_from(
    rebuilt: Rebuilt,
) -> None:
    def keep_down(run: Path) -> None:
        plan = json.loads((run / "plan.json").read_text())
        kill = plan["trials"][0]["faults"][3]
        kill |= {"for_ns": None, "end_ns": plan["end_ns"]}
        (run / "plan.json").write_text(json.dumps(plan))

    summary = rebuilt(files=keep_down)
    assert "kill-1" not in summary["metrics"]["recovery_s"]
    (fault,) = (f for f in summary["faults"] if f["id"] == "kill-1")
    assert fault["end_s"] == 100


def test_what_the_next_fault_disturbs_within_a_round_is_not_the_last_ones(rebuilt: Rebuilt) -> None:
    summary = rebuilt(kill=(62.0, 67.0))
    metrics = summary["metrics"]
    assert metrics["recovery_s"]["clock_step-1"]["undisturbed"] == 4
    assert metrics["recovery_s"]["kill-1"]["n"] == 1
    assert metrics["first_final_s"]["clock_step-1"]["n"] == 0


@pytest.mark.parametrize("off_ns", [-100_000, 100_000])
def test_which_of_two_faults_was_first_hangs_on_no_microsecond(
    rebuilt: Rebuilt, monkeypatch: pytest.MonkeyPatch, off_ns: int
) -> None:
    def healed_at(_: object, fault: PlannedFault) -> recovery.Moment:
        return recovery.Moment(*[fault.end_ns + off_ns] * 3)

    monkeypatch.setattr(recovery, "healed_at", healed_at)
    found = rebuilt(kill=(60.0, 65.0))["metrics"]["recovery_s"]
    assert {fault: (q["n"], q["undisturbed"]) for fault, q in found.items()} == {
        "delay-1": (0, 4), "partition-1": (1, 3), "clock_step-1": (0, 3), "kill-1": (1, 3),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("start_s", "end_s", "limit"), [(0, 20, 17), (5, 20, 17), (14, 20, 17), (0, 13, 31)]
)
def test_what_is_normal_does_not_hang_on_how_early_the_baseline_begins(
    start_s: int, end_s: int, limit: float
) -> None:
    """Until finality first moves, lag is that of the start; then what is predicted is normal."""
    head = np.arange(1.0, 41)
    lib = np.where(head < 28, 1, 2 * (head // 2) - 15)
    t_ns = head * 5e8
    hosts = {"h1": head_lag.Series(t_ns, t_ns, t_ns, head, lib)}
    data: Any = SimpleNamespace(
        plan=SimpleNamespace(
            slot_ns=5 * 10**8,
            prediction=SimpleNamespace(finality_lag_blocks=SimpleNamespace(max=30)),
        ),
        planned=SimpleNamespace(
            phases=[SimpleNamespace(name="baseline", start_ns=start_s * 1e9, end_ns=end_s * 1e9)]
        ),
    )
    lags = {"h1": head_lag.network_lag(hosts, "h1")}
    assert recovery._baseline_limit(data, hosts, lags) == limit


def test_a_block_whose_finality_the_next_fault_delays_is_not_of_the_baseline(
    rebuilt: Rebuilt,
) -> None:
    found = rebuilt(delay_real=0.4, delay_asked=0.4)["cells"][0]["phases"]["baseline"]
    assert found["finality_crossing"] == 8
    assert found["finality_latency_s"]["max"] < 4.1


@pytest.mark.parametrize("early_ns", [-1_000, 1_000])
def test_where_a_whole_trial_ends_hangs_on_no_clock(early_ns: int) -> None:
    def end_ns(state: str) -> int:
        told = [SimpleNamespace(t_ns=9_500_000_000.0 - early_ns)]
        plan, file = SimpleNamespace(end_ns=10_000_000_000), SimpleNamespace(state=state)
        trial: Any = SimpleNamespace(plan=plan, file=file, events=lambda kind, columns: told)
        return observed_until_ns(trial)

    assert end_ns("complete") == 10_000_000_000
    assert end_ns("interrupted") == 9_500_000_000 - early_ns


@pytest.mark.parametrize("late_ns", [-1_000, 1_000])
def test_whether_a_node_was_silent_hangs_on_no_microsecond(late_ns: int) -> None:
    def disturbed(left_out: int) -> bool:
        slots = [*range(10), *range(10 + left_out, 20)]
        times = np.asarray([slot * 1e9 for slot in slots])
        times[10:] += late_ns
        lib = np.asarray([float(slot) for slot in slots])
        plan = SimpleNamespace(slot_ns=10**9, round_blocks=8, blocks_per_turn=2)
        data: Any = SimpleNamespace(plan=plan, end_ns=19 * 10**9)
        behind = np.zeros(len(slots), dtype=bool)
        host = head_lag.Series(times, times, times, lib, lib)
        return recovery._disturbed(host, behind, (2e9, 18e9), data, steady(10**9))

    assert [disturbed(left_out) for left_out in (0, 1, 2, 3)] == [False, False, False, True]


@pytest.mark.parametrize("late_ns", [-1_000, 1_000])
def test_whether_a_slot_lies_at_the_end_of_a_window_hangs_on_no_microsecond(late_ns: int) -> None:
    slots = np.arange(20.0)
    plan = SimpleNamespace(slot_ns=10**9, round_blocks=8, blocks_per_turn=2)
    data: Any = SimpleNamespace(plan=plan, end_ns=19 * 10**9)
    times = slots * 1e9 + late_ns
    host = head_lag.Series(times, times, times, slots, slots)
    behind = slots >= 14
    assert recovery._disturbed(host, behind, (2e9, 14e9), data, steady(10**9))
    assert not recovery._disturbed(host, behind, (2e9, 13.8e9), data, steady(10**9))


@pytest.mark.parametrize("late_ns", [-1_000, 1_000])
def test_how_far_a_host_lags_hangs_on_no_microsecond(late_ns: int) -> None:
    slots = np.arange(20.0)
    told, later = slots * 1e9, slots * 1e9 + late_ns
    hosts = {
        "a": head_lag.Series(told, told - 5_000, told + 5_000, slots, slots - 2),
        "b": head_lag.Series(later, later - 5_000, later + 5_000, slots + 1, slots - 2),
    }
    found = head_lag.network_lag(hosts, "a")
    assert set(found.least) == {2}
    assert set(found.most) == {3}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("first", (10.0, 8.0, 12.0)),
        ("median", (11.0, 9.0, 30.0)),
        ("quorum", (20.0, 10.0, 31.0)),
        ("last", (25.0, 24.0, 32.0)),
    ],
)
def test_the_kth_host_lies_between_the_kth_of_all_lower_and_of_all_upper_ends(
    name: str, expected: tuple[float, float, float]
) -> None:
    at = {"a": (10, 8, 12), "b": (11, 9, 31), "c": (20, 10, 30), "d": (25, 24, 32)}
    assert _viewed(at, name) == expected


def test_a_host_of_unknown_times_may_have_been_any_and_mixes_nothing() -> None:
    at = {"a": (10, 8, 12), "b": (11, 9, 31), "c": (20, 10, 30), "d": (NAN, -INF, INF)}
    moments = {name: _viewed(at, name) for name in finality.VIEWS}
    assert moments.pop("median") == (11, 8, 30)
    assert moments.pop("quorum") == (20, 9, 31)
    assert all(math.isnan(t_ns) for t_ns, _, _ in moments.values())
    assert len(moments) == 2


def test_a_phase_is_as_long_as_its_fault_was_in_force_on_every_host() -> None:
    fault = PlannedFault(
        id="cut", fault="partition", at_ns=20, end_ns=30, for_ns=10, targets=[], asked={}, how="nft"
    )
    phases = [("baseline", 10, 20), ("cut", 20, 30), ("after", 30, 50)]
    planned = PlannedTrial(
        n=1, cell=1, seed=0, quorum=[], faults=[fault],
        phases=[Phase(name=n, start_ns=a, end_ns=b) for n, a, b in phases],
    )  # fmt: skip
    records = [
        msgspec.convert(
            {"host": host, "boot": "b", "trial": "t.1", "fault": "cut", "kind": "partition",
             "state": state, "mono_ns": 0, "wall_ns": 0, "t_ns": between[1], "asked": {},
             "between_ns": between, "read_back": {}, "how": "nft", "reason": ""}, Record)
        for host, state, between in (
            ("a", "installed", (21, 22)), ("b", "installed", (19, 24)),
            ("a", "healed", (29, 31)), ("b", "healed", (32, 33)),
        )
    ]  # fmt: skip
    found = [(p.name, p.start_ns, p.end_ns) for p in measured(planned, records)]
    assert found == [
        ("baseline", 10, 19), ("between", 19, 24), ("cut", 24, 29), ("between", 29, 33),
        ("after", 33, 50),
    ]  # fmt: skip


def _viewed(at: dict[str, tuple[float, float, float]], name: str) -> tuple[float, ...]:
    """Return the moment of one block in a view, and its ends, by when each host held it final."""
    times = np.asarray([*at.values()], dtype=np.float64).T[:, None, :]
    there, lags = np.ones((1, 4), dtype=bool), np.full((1, 4), 7)
    block = JudgedBlock(Block("id", 9, 5, "p"), 0, "baseline", True, dict.fromkeys(at, 1), needed=3)
    found = Finality([block], Counter(), Moments([*at], there, *times, lags))
    hosts = [SimpleNamespace(host=host, producers=[host]) for host in at]
    data: Any = SimpleNamespace(plan=SimpleNamespace(hosts=hosts))
    seen = finality.view(found, data, name)
    assert seen.reached.tolist() == [True]
    return float(seen.t_ns[0]), float(seen.lo_ns[0]), float(seen.hi_ns[0])


def _renumber(lines: list[dict[str, Any]]) -> None:
    seq: dict[str, int] = {}
    for line in lines:
        line["seq"] = seq[line["node"]] = seq.get(line["node"], -1) + 1
