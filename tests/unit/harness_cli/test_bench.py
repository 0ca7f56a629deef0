"""The bench prints figures beside their floors; what they are is no matter of a test."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.bench import fault_agent, hosts, transactions
from harness.bench.row import Row, of_samples


def test_a_ratio_is_the_figure_by_its_floor_where_there_are_both() -> None:
    assert Row(bench="b", what="w", value=6.0, floor=4.0).ratio == 1.5
    assert Row(bench="b", what="w", value=6.0).ratio is None
    assert Row(bench="b", what="w", value=6.0, floor=0.0).ratio is None
    assert Row(bench="b", what="w", skipped="no root").ratio is None


def test_samples_are_told_by_median_p99_and_largest_each_beside_the_floors() -> None:
    rows = of_samples("b", "late", [1.0, 2.0, 9.0], [1.0, 1.0, 3.0], "bare")
    assert [(row.what, row.value, row.floor, row.n) for row in rows] == [
        ("late, median", 2.0, 1.0, 3),
        ("late, p99", 9.0, 3.0, 3),
        ("late, largest", 9.0, 3.0, 3),
    ]


def test_what_needs_root_says_so_and_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert fault_agent.skipped() == "needs root: a network namespace"
    done = CliRunner().invoke(app, ["bench", "--only", "agent", "--only", "hosts", "--json"])
    assert [(row["bench"], row["skipped"]) for row in json.loads(done.stdout)] == [
        ("agent", fault_agent.skipped()),
        ("hosts", hosts.skipped()),
    ]


@pytest.mark.slow
def test_the_simulator_is_measured_on_any_machine() -> None:
    done = CliRunner().invoke(app, ["bench", "--only", "sim", "--json"])
    rows = json.loads(done.stdout)
    assert [(row["bench"], row["n"]) for row in rows] == [("sim", 1)] * 2
    assert all(row["value"] > row["floor"] > 0 for row in rows)


@pytest.mark.slow
def test_transfers_are_measured_on_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "RATE", 40)
    monkeypatch.setattr(transactions, "LOAD_NS", 10_000_000_000)
    rows = transactions.rows()
    assert [row.n > 0 for row in rows] == [True] * 4
    assert [(row.ratio or 0) > 1 for row in rows[::2]] == [True] * 2
