"""On one shared clock the report says how many NTP checks hold what their clock was put off by."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.metrics_build import bend

OFF = 0.06
DRIFT = 0.002
ASKED: dict[str, tuple[dict[str, Any], Callable[[float], float], int]] = {
    "clock_step": ({"by_ns": 60_000_000}, lambda _: OFF, 4),
    "clock_drift": ({"by_ppb": 2_000_000}, lambda t: DRIFT * t, 4),
    "clock_strobe": (
        {"by_ns": 60_000_000, "every_ns": 3_000_000_000}, lambda t: 0.0 if t // 3 % 2 else OFF, 3,
    ),
}  # fmt: skip
"""By kind: what is asked, what that does, and how many checks know of it in what is put wrong."""


@pytest.mark.parametrize("kind", ASKED)
@pytest.mark.parametrize("wrong_ms", [0, 20])
def test_checks_are_held_against_what_was_injected(
    reported: Callable[..., dict[str, Any]], tmp_path: Path, kind: str, wrong_ms: int
) -> None:
    asked, by_s, wrong = ASKED[kind]
    planned = bend.fault(kind, ["h1"], asked | {"level": "process"})

    def move(lines: bend.Lines) -> None:
        bend.checks_each_second(lines, "h1")
        bend.wall(lines, "h1", lambda t: by_s(t) + (wrong_ms / 1e3 if 9 <= t < 12 else 0.0))

    def on_containers(run: Path) -> None:
        bend.add(run, planned)
        bend.in_plan(lambda plan: plan.update(lab="container"))(run)

    reported(move, on_containers, end=bend.END)
    (page,) = tmp_path.glob("run/report.html")
    row = re.search(r"put off by, inside the bound.*?(\d+) of (\d+) NTP checks", page.read_text(),
                    re.DOTALL)  # fmt: skip
    assert row, "no such row"
    inside, total = map(int, row.groups())
    assert total > 100
    assert total - inside == (wrong if wrong_ms else 0)
