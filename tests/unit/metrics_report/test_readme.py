"""What README says of a report: its keys and its numbers are those of the code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from metrics.fault_checks.fault_records import EARLY_NS, LATE_NS
from metrics.intake.clock_pairs import CRYSTAL_PPM, PAIR_WANDER_PPM
from metrics.model.resolution import NEEDED

README = (Path(__file__).resolve().parents[3] / "README.md").read_text()
SECTION = " ".join(README.split("## How to read a report")[1].split("\n## ")[0].split())


def schema() -> dict[str, list[str]]:
    """Return {part: keys} as README lists them."""
    block = README.split("## How to read a report")[1].split("```")[1]
    found: dict[str, list[str]] = {}
    for line in block.strip().splitlines():
        words = line.split()
        if not line.startswith(" "):
            part, *words = words
            found[part] = []
        found[part] += words
    return found


def test_readme_names_the_keys_of_the_summary(run: Path) -> None:
    summary: dict[str, Any] = json.loads((run / "summary.json").read_text())
    cell = summary["cells"][0]
    m = cell["metrics"]
    extra = {"watched_s", "undisturbed"}
    parts: dict[str, Any] = {
        "summary": summary, "check": summary["checks"][0], "cell": cell,
        "trial": cell["trials"][0], "fault": summary["faults"][0], "M": m, "slots": m["slots"],
        "forks": m["forks"], "precommits": m["precommits"], "transactions": m["transactions"],
        "Q": m["finality_latency_s"], "reversals": m["reversals"],
        "health": m["health"], "tapos": m["tapos"],
    }  # fmt: skip
    assert {part: sorted(keys) for part, keys in schema().items()} == {
        part: sorted(found) for part, found in parts.items()
    }
    for q in m["recovery_s"].values():
        assert set(q) == {*parts["Q"], *extra}
    assert all(f"`{key}`" in SECTION for key in (*extra, "few", "finality_crossing"))
    assert [p for p in cell["phases"].values() if p["recovery_s"] or p["first_final_s"]] == []


@pytest.mark.parametrize(
    "words",
    [
        f"{PAIR_WANDER_PPM} ppm from their fitted rate, {2 * CRYSTAL_PPM} ppm where no rate",
        f"p90 to p999 need {min(NEEDED.values())} to {max(NEEDED.values()):,} samples",
        f"more than {LATE_NS / 1e9:g} s late or ended more than {EARLY_NS / 1e6:g} ms early",
        "needs six, and for p99 a hundred samples in each",
    ],
)
def test_readme_gives_the_numbers_of_the_code(words: str) -> None:
    assert words in SECTION
