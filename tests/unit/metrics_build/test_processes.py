"""A large run is measured in processes of its own, and gives what it gives in one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from metrics.build import build
from metrics.model import processes
from metrics.results import trials
from tests.unit.metrics_build import bend

Rows = dict[str, list[tuple[Any, ...]]]


def rows_of(run: Path) -> Rows:
    """Return the rows of a run's tables, but of its cells."""
    with duckdb.connect() as db:
        return {
            path.name: db.execute("FROM read_parquet(?)", [str(path)]).fetchall()
            for path in sorted((run / "tables").glob("*.parquet"))
            if path.name != "cells.parquet"
        }


@pytest.mark.parametrize("count", [1, 2], ids=["hosts of a trial", "trials"])
def test_what_is_measured_in_processes_is_what_one_measures(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(trials, "LARGE_BYTES", 0)
    monkeypatch.setattr(processes, "at_once", lambda: 2)
    copy = shutil.copytree(run, tmp_path / "run")
    if count == 2:
        bend.repeat(copy)
    summary = build(copy, lambda text: None)
    if count == 1:
        assert (copy / "summary.json").read_bytes() == (run / "summary.json").read_bytes()
    assert summary["verdict"] == "pass"
    wanted = {
        name: [(n, *row[1:]) for n in range(1, count + 1) for row in rows]
        for name, rows in rows_of(run).items()
    }
    assert repr(rows_of(copy)) == repr(wanted)
