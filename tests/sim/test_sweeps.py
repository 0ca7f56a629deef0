"""A sweep that begins at nothing: its first cell has the same phases, and says what is absent."""

from __future__ import annotations

from pathlib import Path

from metrics.report import sweep
from tests.sim.runs import simulated

SWEEP = """
schema: slotlab.campaign/v1
title: a delay from nothing on
seed: 5
chain: {producers: 4, slot: 500ms, blocks_per_turn: 1}
warmup: 4s
cooldown: 6s
matrix: {delay: {from: 0ms, to: 80ms, steps: 2}}
trials: {repeat: 2, order: listed}
expect:
  always: [no_double_sign]
  each_fault: {recovers_within: 10s, slots.missed: {max: 0}}
timeline:
  - {id: far, at: 8s, for: 6s, fault: delay, delay: "${delay}", jitter: 5ms}
"""


def test_a_cell_in_which_the_fault_is_absent_is_measured_beside_the_others(tmp_path: Path) -> None:
    campaign = tmp_path / "sweep.yml"
    campaign.write_text(SWEEP)
    done, summary, folder = simulated(campaign, tmp_path)
    assert (done.exit_code, summary["verdict"]) == (0, "pass"), done.output
    first, second = summary["cells"]
    assert [cell["params"] for cell in (first, second)] == [{"delay": "0ms"}, {"delay": "80ms"}]
    assert first["phases"].keys() - {"between"} == second["phases"].keys() - {"between"}
    assert first["phases"]["far"]["slots"]["expected"] == 24
    faults = {fault["trial"]: (fault["state"], fault["asked"]) for fault in summary["faults"]}
    trials = [cell["trials"][0]["n"] for cell in (first, second)]
    assert trials == [1, 3]
    assert [faults[n] for n in trials] == [
        ("absent", {"delay_ns": 0, "jitter_ns": 5_000_000}),
        ("installed", {"delay_ns": 80_000_000, "jitter_ns": 5_000_000}),
    ]
    checks = {check["name"]: check["evidence"] for check in summary["checks"]}
    assert checks["no_double_sign"].startswith("held in 4 of 4 trials; ")
    expected = {name: text for name, text in checks.items() if name.startswith("far")}
    assert list(expected) == [
        "far: recovers within 10 s [delay=80ms]",
        "far.slots.missed [delay=80ms] ≤ 0",
    ]
    assert all(text.endswith("; held in 2 of 2 trials") for text in expected.values())
    page = (folder / "report.html").read_text()
    assert "of no strength in this cell" in page
    for row in summary["sweep"]:
        if (row["figure"], row["phase"]) == ("finality_latency_s.p50", "far"):
            assert [(p["at"], p["n"], p["coverage"]) for p in row["points"]] == [
                ("0ms", 2, None), ("80ms", 2, None),
            ]  # fmt: skip
            assert row["points"][1]["value"] > row["points"][0]["value"]
            assert sweep.sentence(row) in page
            break
    else:
        raise AssertionError("no row tells of finality in the fault")
