"""Faults of hosts' clocks and time servers against their known truth; clocks that move disturb no
latency.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from metrics.build import build
from tests.unit.metrics_build import bend, synthetic
from tests.unit.metrics_build.bend import Rebuilt


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the figures of a run as long as the bent ones, not bent."""
    folder = synthetic.write(tmp_path_factory.mktemp("calm") / "run", synthetic.Story(end=140.0))
    metrics: dict[str, Any] = build(folder, lambda text: None)["metrics"]
    return metrics


def test_a_step_of_a_hosts_clock_is_measured_and_moves_no_latency(
    bent: Rebuilt, calm: dict[str, Any]
) -> None:
    planned = bend.fault("clock_step", ["h2"], {"by_ns": 500_000_000, "level": "host"})
    summary = bent(
        planned,
        lambda lines: bend.wall(lines, "h2", lambda t: 0.5),
        installed={"step_ns": 500_000_123},
    )
    found = bend.result(summary, "clock_step-x")
    assert (found["state"], found["measured"]["judged"]) == ("installed", "as asked")
    assert found["measured"]["by_ms"]["h2"] == pytest.approx(500, abs=0.1)
    offset = found["measured"]["offset_ns"]
    assert offset["lo"] <= 500_000_000 <= offset["hi"]
    assert offset["hi"] - offset["lo"] < 10_000_000
    assert found["measured"]["ntp_offset_ms"] == pytest.approx(500, abs=1)
    assert found["measured"]["agent_step_ns"] == {"h2": 500_000_123}
    assert summary["verdict"] == "pass"
    assert _apart(summary["metrics"], calm) < 0.002


def test_a_step_of_another_size_is_indeterminate(bent: Rebuilt) -> None:
    planned = bend.fault("clock_step", ["h2"], {"by_ns": 500_000_000, "level": "host"})
    summary = bent(planned, lambda lines: bend.wall(lines, "h2", lambda t: 0.4))
    assert bend.result(summary, "clock_step-x")["state"] == "indeterminate"
    assert summary["verdict"] == "invalid"


@pytest.mark.parametrize("installed", [None, {"freq_before_ppb": 35_001}])
def test_a_drift_is_measured_against_the_rate_before(
    bent: Rebuilt, installed: dict[str, int] | None
) -> None:
    planned = bend.fault("clock_drift", ["h3"], {"by_ppb": 200_000, "level": "host"})
    healed = {"drift_ppb": 200_010, "ntp_after": {"verified": True, "reason": ""}}
    summary = bent(
        planned,
        lambda lines: bend.wall(lines, "h3", lambda t: t * 200e-6),
        healed=healed,
        installed=installed,
    )
    measured = bend.result(summary, "clock_drift-x")["measured"]
    assert measured["drift_ppb"] == pytest.approx(200_000, abs=500)
    assert measured["drift_error_ppb"] < 5_000
    assert measured["judged"] == "as asked"
    assert measured["agent_drift_ppb"] == {"h3": 200_010}
    assert measured["ntp_after"] == {"h3": ""}
    assert summary["verdict"] == "pass"


STROBE = {"by_ns": 40_000_000, "every_ns": 2_000_000_000, "level": "process"}


@pytest.mark.parametrize(
    ("where", "state"),
    [
        (lambda t: 0.0 if t // 2 % 2 else 0.04, "installed"),
        (lambda t: 0.04, "indeterminate"),
        (lambda t: 0.0, "indeterminate"),
        (lambda t: 0.04 if t // 2 % 2 else 0.0, "indeterminate"),
    ],
)
def test_a_strobe_is_as_asked_only_on_its_path(
    bent: Rebuilt, where: Callable[[float], float], state: str
) -> None:
    planned = bend.fault("clock_strobe", ["h2"], STROBE)
    found = bend.result(
        bent(planned, lambda lines: bend.wall(lines, "h2", where)), "clock_strobe-x"
    )
    assert found["state"] == state
    assert (found["measured"].get("judged") == "as asked") == (state == "installed")


def test_a_lie_is_told_apart_from_the_clock_that_follows_it(
    bent: Rebuilt, calm: dict[str, Any]
) -> None:
    """The daemon makes the lie its own after five seconds: NTP says nothing, the clock is off."""

    def follow(lines: bend.Lines) -> None:
        bend.checks_each_second(lines, "h4")
        bend.told(lines, "h4", 0.3)
        bend.wall(lines, "h4", lambda t: 0.3 if t > 5 else 0.0)

    planned = bend.fault("ntp_offset", ["h4"], {"by_ns": 300_000_000})
    summary = bent(planned, follow)
    found = bend.result(summary, "ntp_offset-x")
    measured = found["measured"]
    assert found["state"] == "installed"
    assert measured["ntp_offset_ns"] == pytest.approx(300_000_000, abs=1_000_000)
    assert measured["clock_is"]["lo"] <= 300_000_000 <= measured["clock_is"]["hi"]
    assert summary["verdict"] == "pass"
    assert _apart(summary["metrics"], calm) < 0.002


def test_silent_time_servers_answer_no_check(bent: Rebuilt) -> None:
    def quiet(lines: bend.Lines) -> None:
        for line in bend.within(lines["h1"]):
            if line["kind"] == "clock":
                line |= {"offset_ns": 0, "bound_ns": 0, "rtt_ns": 0, "reason": "no_answer"}

    planned = bend.fault("ntp_cut", ["h1"], {})
    summary = bent(planned, quiet)
    measured = bend.result(summary, "ntp_cut-x")["measured"]
    assert measured["checks_answered"] == 0
    assert measured["checks"] >= 3
    assert measured["answered_before"] == measured["checks_before"] > 0
    loud = bent(planned, again="loud")
    assert bend.result(loud, "ntp_cut-x")["state"] == "indeterminate"


def _apart(metrics: dict[str, Any], calm: dict[str, Any]) -> float:
    """Return how far figures differ at most, in s or ms; counts must be the same."""
    assert metrics["slots"] == calm["slots"]
    assert metrics["finality_lag_blocks"] == calm["finality_lag_blocks"]
    worst = 0.0
    for key in ("p50", "p95", "max"):
        worst = max(
            worst, abs(metrics["finality_latency_s"][key] - calm["finality_latency_s"][key])
        )
        for source, row in metrics["propagation_ms"].items():
            for target, q in row.items():
                worst = max(worst, abs(q[key] - calm["propagation_ms"][source][target][key]))
    return worst
