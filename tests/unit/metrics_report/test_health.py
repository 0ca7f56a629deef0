"""The chart of health shows the share of the chain that won, and each node's own alarms."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from metrics.measure import slots
from metrics.measure.confidence import health as measured
from metrics.report.of_trial import health
from tests.unit.metrics_report.charts_of import charts_of

S = 1_000_000_000


def analysis(states: str = "", told: list[tuple[str, float, str]] | None = None) -> Any:
    """Return an analysis of slots (p produced, o orphaned, m missed) and of what hosts said when.

    Four slots are looked at.
    """
    found = [
        SimpleNamespace(
            t_ns=n * S, state="missed" if mark == "m" else "produced", orphaned=mark == "o"
        )
        for n, mark in enumerate(states)
    ]
    said = [
        measured.Told(
            SimpleNamespace(host=host, t_ns=at_s * S, state=state, participation=5_000, slot=1),
            4 * S, "after",
        )
        for host, at_s, state in told or []
    ]  # fmt: skip
    what = {slots.METRIC: found, measured.METRIC: said}
    limits = SimpleNamespace(degraded_below=9_000, halted_below=3_300)
    hosts = [SimpleNamespace(host=name) for name in ("n1", "n2")]
    plan = SimpleNamespace(health_slots=4, health=limits, hosts=hosts)
    return SimpleNamespace(data=SimpleNamespace(plan=plan, end_ns=20 * S), of=what.__getitem__)


def test_only_blocks_of_the_chain_that_won_use_a_slot_and_all_before_the_first_count() -> None:
    times, shares = health.participation(analysis("pmoppppp"))
    assert times == [float(n) for n in range(8)]
    assert shares == [1, 0.75, 0.5, 0.5, 0.5, 0.75, 1, 1]


def test_an_alarm_lasts_until_the_node_says_otherwise_or_the_trial_ends() -> None:
    told = [("n1", 3.0, "degraded"), ("n2", 4.0, "degraded"), ("n1", 5.0, "halted"),
            ("n1", 9.0, "healthy"), ("n2", float("nan"), "healthy")]  # fmt: skip
    shown = analysis(told=told)
    assert health.alarms(shown, "n1") == [("degraded", 3.0, 5.0), ("halted", 5.0, 9.0)]
    assert health.alarms(shown, "n2") == [("degraded", 4.0, 20.0)]


def test_a_network_that_used_every_slot_and_of_which_nothing_was_said_has_no_chart() -> None:
    assert health.chart(analysis("pppp"), "key") == ""
    for other in (analysis("ppmp"), analysis("pppp", [("n1", 3.0, "degraded")])):
        assert "key" in health.chart(other, "key")


def test_every_node_has_its_lane_by_one_trace_and_alarms_are_told_to_the_millisecond() -> None:
    page = health.chart(analysis("ppmp", [("n2", 3.0004321, "degraded")]), "key")
    bars = [trace for trace in charts_of(page)["key"]["data"] if trace["type"] == "bar"]
    assert [(bar["x"], bar["y"]) for bar in bars] == [([0, 0], ["n1", "n2"]), ([17.0], ["n2"])]
    assert bars[1]["base"] == [3.0]


def test_what_nodes_said_stands_in_order_of_time() -> None:
    rows = health.rows(analysis(told=[("n2", 4.0, "halted"), ("n1", 4.0, "degraded")]))
    assert rows == [
        {"at_s": 4.0, "host": "n1", "state": "degraded", "share": 0.5, "phase": "after"},
        {"at_s": 4.0, "host": "n2", "state": "halted", "share": 0.5, "phase": "after"},
    ]
