"""The bench prints figures beside their floors; what they are is no matter of a test."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.bench import fault_agent, hosts, measured, report, simulator, transactions
from harness.bench.row import Row, of_samples
from harness.cli.bench import BENCHES
from harness.errors import RunError
from tests.unit.test_shape import ROOT

WHOSE = """
from harness import errors
from harness.bench.row import Row

def rows():
    return [Row(bench="whose", what=errors.WHERE, value=1.0)]
"""


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
def test_the_simulator_is_measured_on_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator, "MINUTES", 1)
    monkeypatch.setattr(simulator, "WHOLE_MINUTES", 1)
    monkeypatch.setattr(simulator, "CROWDS", {30: 1})
    done = CliRunner().invoke(app, ["bench", "--only", "sim", "--json"])
    rows = json.loads(done.stdout)
    assert [(row["bench"], row["n"]) for row in rows] == [("sim", 1)] * 6
    assert all(row["value"] > row["floor"] > 0 for row in rows if row["floor"] is not None)
    assert all(row["value"] is not None for row in rows)


@pytest.mark.slow
def test_a_report_is_measured_on_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MINUTES", 1)
    monkeypatch.setattr(report, "EVENTS", 40_000)
    rows = report.rows()
    once, twice = rows[:3], rows[3:]
    for took, passed, most in (once, twice):
        assert (took.n > 10_000, (took.ratio or 0) > 1, (most.value or 0) > 0) == (True,) * 3
        assert (passed.value or 0) > 0
    assert twice[0].n >= 40_000


@pytest.mark.slow
def test_transfers_are_measured_on_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "RATE", 40)
    rows = transactions.rows()
    assert [row.n > 0 for row in rows] == [True] * 4
    assert [(row.ratio or 0) > 1 for row in rows[::2]] == [True] * 2


def test_each_module_that_measures_has_a_name_that_help_and_readme_tell() -> None:
    modules = [path for path in (ROOT / "harness" / "bench").glob("*.py")
               if "\ndef rows(" in path.read_text()]  # fmt: skip
    assert sorted(BENCHES.values()) == sorted(path.stem for path in modules)
    table = (ROOT / "README.md").read_text().partition("## Figures of a machine")[2]
    assert re.findall(r"^\| `(\w[\w-]*)` \|", table.partition("\n## ")[0], re.M) == list(BENCHES)


def test_a_name_that_is_none_and_a_folder_without_code_are_refused_in_a_line() -> None:
    for words, problem in (
        (["--only", "all"], f"--only all: known are {', '.join(BENCHES)}"),
        (["--against", "/nowhere"], "--against /nowhere: no checkout of slotlab; write its folder"),
    ):
        done = CliRunner().invoke(app, ["bench", *words])
        assert (done.exit_code, str(done.exception)) == (1, problem)


def test_rows_of_other_code_stand_beside_those_of_the_same_name() -> None:
    rows = measured.beside(
        [Row(bench="b", what="known", value=6.0), Row(bench="b", what="new", value=1.0)],
        [Row(bench="b", what="known", value=4.0), Row(bench="b", what="gone", value=2.0)],
    )
    assert [(row.what, row.value, row.before, row.by_before) for row in rows] == [
        ("known", 6.0, 4.0, 1.5),
        ("new", 1.0, None, None),
    ]


def test_a_bench_that_fails_costs_no_other_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> list[Row]:
        raise RunError("no node told anything")

    monkeypatch.setattr(simulator, "rows", fails)
    monkeypatch.setattr(transactions, "rows", lambda: [Row(bench="transactions", what="w")])
    done = CliRunner().invoke(app, ["bench", "--only", "sim", "--only", "transactions", "--json"])
    assert [(row["bench"], row["what"], row["skipped"]) for row in json.loads(done.stdout)] == [
        ("sim", "failed", "no node told anything"),
        ("transactions", "w", ""),
    ]
    assert str(done.exception) == "bench: without figures: sim"


def test_a_bench_runs_on_the_code_of_another_checkout_by_the_rules_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, rules = tmp_path / "other", tmp_path / "rules"
    for room in ("node", "faults", "metrics", "harness"):
        shutil.copytree(ROOT / room, other / room)
    (other / "harness" / "errors.py").write_text(
        "WHERE = 'there'\nclass OperatorError(Exception): ...\nclass RunError(Exception): ..."
    )
    (other / "harness" / "bench" / "row.py").write_text("raise SystemExit('not by its own rules')")
    shutil.copytree(ROOT / "harness" / "bench", rules)
    (rules / "whose.py").write_text(WHOSE)
    monkeypatch.setattr(measured, "HERE", rules)
    assert measured.there("whose", "whose", other) == [Row(bench="whose", what="there", value=1.0)]
    (other / "harness" / "errors.py").unlink()
    (failed,) = found = measured.there("whose", "whose", other)
    assert failed.skipped == f"cannot be run on the code of {other}"
    assert measured.beside([Row(bench="whose", what="here")], found)[1:] == found
