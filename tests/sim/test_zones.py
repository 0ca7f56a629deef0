"""Zones are as far apart as asked, under all else; where they are not, the trial proves nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.cli.tables.summary_tables import faults_of
from metrics.build import build
from tests.sim.runs import meets, simulated
from tests.sim.second.summary import compare

pytestmark = pytest.mark.slow

MATRIX = "# From nowhere.\nrtt_ms,east,west,south\neast,8,80,20\nwest,,,120\nsouth,,,\n"
CAMPAIGN = """
schema: slotlab.campaign/v1
title: six producers in three zones, a delay between two of them, and a split
seed: 12
chain: {profile: eosio, producers: 6, slot: 500ms, blocks_per_turn: 1}
zones: {matrix: far.csv}
warmup: 10s
cooldown: 10s
expect:
  always: [no_conflicting_finality, lib_never_decreases, same_state_digest, no_double_sign]
  baseline: {slots.missed_ratio: {max: 0%}}
timeline:
  - {id: more, at: 18s, for: 8s, fault: delay, between: [east, west], delay: 50ms}
  - {id: split, at: 28s, for: 5s, fault: partition, shape: [[south]]}
"""
ASKED = {
    ("east", "east"): 8.0, ("east", "west"): 80.0, ("east", "south"): 20.0,
    ("west", "west"): None, ("west", "south"): 120.0, ("south", "south"): None,
}  # fmt: skip
LAN_MS = 0.4
"""A simulated switch, there and back."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zones")
    (folder / "far.csv").write_text(MATRIX)
    (folder / "c.yml").write_text(CAMPAIGN)
    done, summary, path = simulated(folder / "c.yml", folder / "runs")
    meets(done, summary)
    return path


def again(run: Path, tmp_path: Path, change: Callable[[Path], None]) -> dict[str, Any]:
    """Return the summary of a copy of a run that was changed."""
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    change(copy)
    return build(copy, lambda _: None)


def test_each_pair_of_zones_is_measured_as_far_apart_as_asked(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    (held,) = summary["zones"]
    assert (held["state"], held["reason"], held["how"]) == ("installed", "", "sim")
    rows = {(row["from"], row["to"]): row for row in held["measured"]["zones"]}
    both_ways = {**ASKED, **{(b, a): rtt for (a, b), rtt in ASKED.items()}}
    assert {pair: row["asked_ms"] for pair, row in rows.items()} == both_ways
    for pair, asked in both_ways.items():
        row = rows[pair]
        low, high = row["interval_ms"]
        assert low <= row["rtt_ms"] <= high
        assert abs(row["rtt_ms"] - (asked or 0) - LAN_MS) < 0.2
        assert row["judged"] == ("nothing asked" if asked is None else "as asked")
        assert row["bursts"] > 30


def test_a_delay_on_top_is_measured_by_itself_and_belongs_to_no_baseline(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    more = next(fault for fault in summary["faults"] if fault["id"] == "more")
    assert more["state"] == "installed"
    assert abs(more["measured"]["delay_ms"] - 50) < 0.2
    assert list(summary["cells"][0]["phases"]) == [
        "warmup", "baseline", "more", "recovery", "split", "after",
    ]  # fmt: skip


def test_the_second_analysis_finds_the_same(run: Path) -> None:
    assert compare(run, json.loads((run / "summary.json").read_text())) == []


def test_the_terminal_tells_of_them_in_one_row(run: Path) -> None:
    table = faults_of(json.loads((run / "summary.json").read_text()))
    name, told = (next(iter(column.cells)) for column in table.columns)
    assert str(name).startswith("zones\n")
    assert str(told).startswith(
        "matrix far.csv\n7 of 7 ways between zones as asked; the furthest off is n"
    )


def test_the_report_shows_asked_and_measured_with_the_source(run: Path) -> None:
    page = (run / "report.html").read_text()
    for text in ("Zones: round trips asked beside measured", "From nowhere.", "far.csv"):
        assert text in page
    assert "Round trips between zones" in page


def test_the_run_keeps_the_matrix_beside_its_campaign_and_goes_on_with_it(run: Path) -> None:
    assert (run / "far.csv").read_text() == MATRIX
    done = CliRunner().invoke(app, ["run", "--resume", str(run)])
    assert (done.exit_code, "nothing to do" in done.output) == (0, True)


LOSSY = """
schema: slotlab.campaign/v1
title: what zones lose, and a loss on top
seed: 12
chain: {profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 1}
zones: {matrix: far.csv, losses: lost.csv}
warmup: 10s
cooldown: 40s
timeline:
  - {id: lost, at: 60s, for: 40s, fault: loss, between: all, share: 10%}
"""


def test_what_zones_lose_is_measured_apart_and_a_loss_on_top_by_itself(tmp_path: Path) -> None:
    (tmp_path / "far.csv").write_text(MATRIX)
    (tmp_path / "lost.csv").write_text("loss_percent,east,west\neast,,5\nwest,,\n")
    (tmp_path / "c.yml").write_text(LOSSY)
    _, summary, path = simulated(tmp_path / "c.yml", tmp_path / "runs")
    (held,) = summary["zones"]
    assert (held["state"], held["reason"]) == ("installed", "")
    rows = {(row["from"], row["to"]): row for row in held["measured"]["zones"]}
    lossy = {("east", "west"): 0.05, ("west", "east"): 0.05}
    found = {pair: row["lost"]["asked"] for pair, row in rows.items()}
    assert found == dict.fromkeys(rows, 0.0) | lossy
    for row in rows.values():
        low, high = row["lost"]["share_ci"]
        assert low <= row["lost"]["asked"] <= high
        assert row["judged"] == ("nothing asked" if row["asked_ms"] is None else "as asked")
    (lost,) = summary["faults"]
    assert (lost["state"], lost["measured"]["judged"]) == ("installed", "as asked")
    page = (path / "report.html").read_text()
    assert "far.csv and lost.csv" in page
    assert "loss asked (%)" in page

    def ask_more(copy: Path) -> None:
        plan = json.loads((copy / "plan.json").read_text())
        loss_ppm = plan["cells"][0]["zones"]["loss_ppm"]
        loss_ppm["east"]["west"] = loss_ppm["west"]["east"] = 150_000
        (copy / "plan.json").write_text(json.dumps(plan))

    (held,) = again(path, tmp_path, ask_more)["zones"]
    assert held["state"] == "indeterminate"
    assert "% lost, not 15 %" in held["reason"]


def test_zones_that_are_not_as_far_apart_as_asked_make_the_trial_invalid(
    run: Path, tmp_path: Path
) -> None:
    def ask_more(copy: Path) -> None:
        plan = json.loads((copy / "plan.json").read_text())
        rtt_ns = plan["cells"][0]["zones"]["rtt_ns"]
        rtt_ns["east"]["west"] = rtt_ns["west"]["east"] = 90_000_000
        (copy / "plan.json").write_text(json.dumps(plan))

    summary = again(run, tmp_path, ask_more)
    assert summary["verdict"] == "invalid"
    (held,) = summary["zones"]
    assert held["state"] == "indeterminate"
    assert held["reason"].startswith("n1 to n2: 80.3 ms, not 90 ms; n1 to n5: 80.3 ms, not 90 ms")
    assert f"trial 1: zones is indeterminate: {held['reason']}" in summary["invalid"]
    wrong = {(r["from"], r["to"]) for r in held["measured"]["zones"] if "not 90" in r["judged"]}
    assert wrong == {("east", "west"), ("west", "east")}


def test_zones_that_a_host_never_held_apart_make_the_trial_invalid(
    run: Path, tmp_path: Path
) -> None:
    def forget(copy: Path) -> None:
        journal = copy / "trials" / "1" / "hosts" / "n3" / "agent.jsonl"
        lines = journal.read_text().splitlines(keepends=True)
        told = [line for line in lines if not ('"zones"' in line and '"installed"' in line)]
        assert len(told) == len(lines) - 1
        journal.write_text("".join(told))

    summary = again(run, tmp_path, forget)
    assert summary["verdict"] == "invalid"
    assert summary["zones"][0]["reason"] == "no proof of installation from n3"


def test_zones_that_ended_early_make_the_trial_invalid(run: Path, tmp_path: Path) -> None:
    def end(copy: Path) -> None:
        journal = copy / "trials" / "1" / "hosts" / "n2" / "agent.jsonl"
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        (begun,) = [x for x in lines if (x["fault"], x["state"]) == ("zones", "installed")]
        early_ns = json.loads((copy / "plan.json").read_text())["end_ns"] - 3_000_000_000
        later = {key: begun[key] + early_ns for key in ("t_ns", "mono_ns", "wall_ns")}
        healed = {**begun, **later, "state": "healed", "between_ns": [early_ns, early_ns]}
        with journal.open("a") as file:
            file.write(json.dumps(healed) + "\n")

    summary = again(run, tmp_path, end)
    assert summary["verdict"] == "invalid"
    assert any(text.startswith("trial 1: zones ended early by 3") for text in summary["invalid"])
