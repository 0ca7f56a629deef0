"""A whole run against its known truth: what was put in is what comes out, with honest errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import pytest
from plotly.offline import get_plotlyjs_version

from metrics.build import build
from metrics.report import charts
from tests.unit.metrics_build import synthetic


@pytest.fixture(scope="module")
def summary(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "summary.json").read_text())
    return found


def test_a_run_that_meets_its_expectations_passes(summary: dict[str, Any]) -> None:
    assert summary["invalid"] == []
    assert {check["verdict"] for check in summary["checks"]} == {"holds"}
    assert summary["verdict"] == "pass"


def test_the_baseline_shows_the_predicted_lag_and_no_missed_slot(summary: dict[str, Any]) -> None:
    baseline = summary["cells"][0]["phases"]["baseline"]
    lag = baseline["finality_lag_blocks"]
    assert (lag["n"], lag["min"], lag["max"]) == (16, 7.0, 8.0)
    assert baseline["slots"]["missed"] == 0
    assert baseline["slots"]["produced"] == 24


def test_finality_in_seconds_holds_the_truth_within_its_error(summary: dict[str, Any]) -> None:
    q = summary["cells"][0]["phases"]["baseline"]["finality_latency_s"]
    hop = 0.002 + 0.001 + 0.0001 + 0.0002
    for key, truth in (("min", 3.5 + hop), ("max", 4.0 + hop)):
        low, high = q["error"][key]
        assert low <= truth <= high
        assert high - low < 0.003


def test_propagation_holds_the_truth_within_the_pair_bound_whatever_the_asymmetry(
    summary: dict[str, Any],
) -> None:
    table = summary["cells"][0]["phases"]["baseline"]["propagation_ms"]
    for source, row in table.items():
        for target, q in row.items():
            truth = 1.2 if target == "h4" else 1.0
            low, high = q["error"]["p50"]
            assert low <= truth <= high, (source, target)
            # Half the round trip, and how far two crystals may part since the last probe.
            assert 0.6 <= high - low < 0.7
            assert (q["n"], q["negative"], q["impossible"]) == (6, 0, 0)


def test_blocks_left_out_are_counted_by_reason(summary: dict[str, Any]) -> None:
    metrics = summary["metrics"]
    story = synthetic.Story()
    main, alone = synthetic.chain(story)
    near = [story.end - (b.slot - synthetic.GENESIS_SLOT - 1) * synthetic.SLOT for b in main]
    young = sum(before_s < 5.0 for before_s in near)
    assert metrics["propagation_left_out"] == {
        "orphaned": len(alone), "young": young, "unrecorded": 0,
    }  # fmt: skip
    # A round of 8 slots, and the largest predicted lag of 8 blocks.
    unsettled = sum(before_s < 8.0 for before_s in near)
    assert metrics["finality_left_out"] == {"orphaned": len(alone), "young": unsettled}
    judged = sum(1 for b in main if b.slot - synthetic.GENESIS_SLOT - 1 >= 16) - unsettled
    assert metrics["finality_latency_s"]["n"] == judged


def test_slots_are_accounted_for_by_producer_and_reason(summary: dict[str, Any]) -> None:
    slots = summary["metrics"]["slots"]
    assert slots["expected"] == slots["produced"] + slots["missed"] + slots["unknown"]
    assert slots["reasons"] == {"abstained: clock_offset": 4, "node down (kill-1)": 4}
    assert slots["by_producer"]["producerb"]["missed"] == 4
    assert slots["by_producer"]["producerc"]["missed"] == 4
    assert slots["orphaned"] == slots["by_producer"]["producerd"]["orphaned"] == 6


def test_slots_are_accounted_for_by_their_place_in_the_turn(summary: dict[str, Any]) -> None:
    cell = summary["cells"][0]
    for found in (cell["metrics"], *cell["phases"].values()):
        places = found["slots"]["by_position"]
        for key in ("expected", "produced", "missed", "orphaned"):
            assert sum(own[key] for own in places.values()) == found["slots"][key]
    places = cell["phases"]["partition-1"]["slots"]["by_position"]
    assert {place: own["orphaned"] for place, own in places.items()} == {"1": 2, "2": 3}


def test_the_minority_is_frozen_while_the_majority_moves(summary: dict[str, Any]) -> None:
    moved = summary["cells"][0]["phases"]["partition-1"]["irreversible_advance"]
    assert moved["h4"] == 0
    assert {moved[host] for host in ("h1", "h2", "h3")} == {14}


def test_each_fault_is_measured_beside_what_was_asked(summary: dict[str, Any]) -> None:
    found = {fault["id"]: fault for fault in summary["faults"]}
    assert {fault["state"] for fault in found.values()} == {"installed"}
    assert found["delay-1"]["measured"]["delay_ms"] == pytest.approx(80.4, abs=0.01)
    assert found["delay-1"]["measured"]["difference_percent"] == pytest.approx(0.5, abs=0.02)
    assert len(found["delay-1"]["measured"]["pairs"]) == 6
    assert found["partition-1"]["measured"]["across_received"] == 0
    assert found["partition-1"]["measured"]["within_received"] > 0
    assert found["clock_step-1"]["measured"]["by_ms"]["h2"] == pytest.approx(300, abs=0.5)
    assert found["kill-1"]["measured"]["down_s"]["h3"] == pytest.approx(5.1, abs=0.01)


def test_recovery_counts_from_the_heal_at_each_disturbed_host(summary: dict[str, Any]) -> None:
    recovery = summary["metrics"]["recovery_s"]
    assert {fault: q["n"] for fault, q in recovery.items()} == {
        "delay-1": 0, "partition-1": 1, "clock_step-1": 0, "kill-1": 1,
    }  # fmt: skip
    assert {fault: q["undisturbed"] for fault, q in recovery.items()} == {
        "delay-1": 4, "partition-1": 3, "clock_step-1": 4, "kill-1": 3,
    }  # fmt: skip
    assert recovery["partition-1"]["max"] == pytest.approx(1.0, abs=0.01)
    low, high = recovery["partition-1"]["error"]["max"]
    assert low <= 0.6 <= high == pytest.approx(1.0, abs=0.01)


def test_every_file_of_the_run_is_written_and_readable(run: Path) -> None:
    assert ElementTree.parse(run / "junit.xml").getroot().get("failures") == "0"
    records = (run / "trials/1/faults.jsonl").read_text().splitlines()
    assert len(records) == 4 + 2 * (4 + 4 + 1 + 1)
    with duckdb.connect() as db:
        rows = db.execute(
            f"SELECT count(*), count(DISTINCT host) FROM '{run}/tables/finality.parquet'"
        ).fetchone()
        assert rows is not None
        assert rows[0] > 500
        assert rows[1] == 4
        kinds = {path.stem for path in (run / "tables").glob("event_*.parquet")}
        assert {"event_probe", "event_applied", "event_slot_due"} <= kinds


def test_the_report_is_one_small_file_that_fetches_nothing_and_says_whose_script_it_holds(
    run: Path,
) -> None:
    page = (run / "report.html").read_text()
    assert "<script src" not in page
    assert "<link" not in page
    assert page.count(f"plotly.js (cartesian - minified) v{get_plotlyjs_version()}\n") == 1
    assert len(page) < 3_000_000
    assert 'id="finality-1"' in page


def test_charts_are_made_of_traces_that_the_script_can_draw(run: Path) -> None:
    page = (run / "report.html").read_text()
    drawn = page.partition("<body>")[2]
    shapes, axes = {"rect", "line"}, {"log", "category"}
    assert set(re.findall(r'"type":"(\w+)"', drawn)) - shapes - axes <= set(charts.TRACES)


def test_the_widest_clock_error_says_of_which_block_it_is_and_why(run: Path) -> None:
    page = (run / "report.html").read_text()
    found = re.search(r"the widest ± ([0-9.]+) ms, of block \d+, which (\w+) had ([0-9.]+) s", page)
    assert found is not None
    assert 0.5 < float(found[1]) < 5
    assert (found[2], 9 < float(found[3]) < 11) == ("h4", True)
    assert "after h1 made it: the longer it takes, the more two clocks may part" in page
    assert "80.4 ms one way" in page
    assert "abstained: clock offset" in page


def test_rebuilding_gives_the_same_bytes(run: Path) -> None:
    names = ("summary.json", "report.html", "tables/finality.parquet", "junit.xml")
    before = [(run / name).read_bytes() for name in names]
    build(run, lambda text: None)
    assert [(run / name).read_bytes() for name in names] == before
