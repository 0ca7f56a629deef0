"""A second analysis, from raw files and without the metrics room, finds what the summary says."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from tests.sim.second_analysis import (
    arrivals,
    finality,
    last_final,
    rank,
    read,
    slots,
    transactions,
)

CHECK_S = 0.001
"""What the NTP checks of a simulated host leave of its time, and some."""
CAMPAIGNS = (
    "smoke", "demo", "splits", "clocks", "restarts", "absent_producers", "participation",
    "rack_safety", "bitshares", "bad_network",
)  # fmt: skip
VIEWS = {"quorum": "", "first": "first_", "median": "median_", "last": "last_"}


@pytest.mark.slow
@pytest.mark.parametrize("name", CAMPAIGNS)
def test_both_analyses_agree(name: str, tmp_path: Path) -> None:
    words = ["run", name, "--lab", "sim", "--runs", str(tmp_path), "--json"]
    CliRunner().invoke(app, words)
    run = (tmp_path / name / "latest").resolve()
    summary = json.loads((run / "summary.json").read_text())
    for cell in summary["cells"]:
        (trial,) = cell["trials"]
        compare(run, trial["n"], cell["metrics"])


def compare(run: Path, n: int, metrics: dict[str, Any]) -> None:
    """Hold the figures of one trial against each other."""
    second = read(run, n)
    told = {key: metrics["slots"][key] for key in slots(second)}
    for second.edge_s in (-CHECK_S, CHECK_S):
        if slots(second) == told:
            break
    assert slots(second) == told
    assert metrics["slots"]["unknown"] == 0
    fewest, largest = (transactions(second, second.warm_s + e) for e in (CHECK_S, -CHECK_S))
    for key, count in fewest.items():
        assert count <= metrics["transactions"][key] <= largest[key] <= count + len(second.lines)
    views = finality(second)
    lag = metrics["finality_lag_blocks"]
    assert lag["n"] == len(views["lag"])
    agree(lag, views["lag"], within=0)
    for view, word in VIEWS.items():
        agree(metrics[f"finality_latency_{word}s"], views[view], within=CHECK_S)
    end_s = second.plan["end_ns"] / 1e9
    least, most = (last_final(second, end_s + edge) for edge in (-CHECK_S, CHECK_S))
    for host, num in metrics["irreversible"].items():
        assert least[host] <= num <= most[host]
    ways = arrivals(second)
    table = metrics["propagation_ms"]
    assert {(a, b) for a in table for b, q in table[a].items() if q["n"] > q["censored"]} == set(
        ways
    )
    for (a, b), values in ways.items():
        q = table[a][b]
        assert q["n"] - q["censored"] == len(values)
        if not q["censored"]:
            agree(q, values, within=CHECK_S * 1e3)


def agree(q: dict[str, Any], values: list[float], *, within: float) -> None:
    """Hold each quantile of the summary against the second analysis' own."""
    assert q["n"] == len(values)
    assert q["censored"] == sum(math.isinf(value) for value in values)
    for key, share in (("min", 0.0), ("p50", 0.5), ("p95", 0.95), ("max", 1.0)):
        value = rank(values, share)
        if q[key] is None:
            assert math.isinf(value) or key in q.get("few", ()), key
        else:
            low, high = q["error"][key]
            assert low - within <= value <= high + within, (key, value, q[key])
