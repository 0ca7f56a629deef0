"""One campaign file on two consensus systems gives one page, which a second analysis confirms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sim.runs import meets, simulated
from tests.sim.second import summary

pytestmark = pytest.mark.slow


def test_two_systems_stand_side_by_side_under_identical_faults(tmp_path: Path) -> None:
    done, told, run = simulated("two_systems", tmp_path)
    meets(done, told)
    assert told["invalid"] == []
    (found,) = told["systems"]
    assert (found["cells"], found["profiles"]) == ([1, 2], ["eosio", "bitshares"])
    plan = json.loads((run / "plan.json").read_text())
    one, other = plan["trials"]
    for key in ("seed", "faults", "phases", "acts"):
        assert one[key] == other[key]
    baseline = next(row for row in found["ratios"] if row["phase"] == "baseline")
    assert 0 < baseline["ratio"] < 1
    for cell in told["cells"]:
        assert cell["metrics"]["forks"]["switches"] > 0
        assert cell["metrics"]["reversals"]["reversed"] == 1
    page = (run / "report.html").read_text()
    for word in ("Systems side by side", "missed: eosio", "undone: bitshares"):
        assert word in page
    assert summary.compare(run, told) == []
