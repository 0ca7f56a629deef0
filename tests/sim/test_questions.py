"""QUESTIONS.md says what the simulator answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.tables.sweep_table import rows_of
from harness.controller.state_dir import CAMPAIGNS
from metrics.report import sweep
from tests.sim.runs import meets, simulated


@pytest.mark.slow
def test_the_answer_to_the_quickest_question_is_the_one_that_is_written_down(
    tmp_path: Path,
) -> None:
    done, summary, _ = simulated("questions/partition_vs_recovery", tmp_path)
    meets(done, summary)
    said = " ".join((CAMPAIGNS / "QUESTIONS.md").read_text().split())
    for metric in ("recovery_s.cut.max", "finality_latency_s.max"):
        (row,) = rows_of(summary, metric, "off", "all")
        assert sweep.sentence(row) in said
