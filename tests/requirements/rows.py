"""The tables of what the documents ask for: each row held by a test, or said to be out of scope."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

TESTS = Path(__file__).parents[1]


def rows_of(table: str, letter: str) -> dict[str, str]:
    """Return what holds each requirement, by its number: a test's name, or `out:` and why."""
    found = re.findall(rf"^({letter}\d+) +\S.*? +(test_\w+|out: .+)$", table, re.M)
    assert len(found) == len(table.strip().splitlines()), "a row is malformed"
    return dict(found)


def not_held(rows: Mapping[str, str]) -> list[str]:
    """Return the requirements whose test does not exist."""
    texts = (path.read_text() for path in TESTS.rglob("test_*.py"))
    names = {name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.M)}
    return [row for row, held in rows.items() if not held.startswith("out: ") and held not in names]
