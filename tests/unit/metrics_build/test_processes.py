"""A large run is measured in processes of its own, and gives what it gives in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from metrics.build import build
from metrics.results import trials
from tests.unit.metrics_build import bend, synthetic


def _built(run: Path, *, twice: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the summary of a run, and the rows of its tables."""
    synthetic.write(run, synthetic.Story())
    if twice:
        bend.repeat(run)
    summary = build(run, lambda text: None)
    with duckdb.connect() as db:
        rows = {
            path.name: db.execute("FROM read_parquet(?)", [str(path)]).fetchall()
            for path in sorted((run / "tables").glob("*.parquet"))
        }
    return summary, rows


@pytest.mark.parametrize("twice", [False, True], ids=["hosts", "trials"])
def test_hosts_and_trials_measured_in_processes_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, twice: bool
) -> None:
    alone = _built(tmp_path / "alone", twice=twice)
    monkeypatch.setattr(trials, "LARGE_BYTES", 0)
    monkeypatch.setattr(trials.os, "sched_getaffinity", lambda _: {0, 1})
    assert repr(_built(tmp_path / "processes", twice=twice)) == repr(alone)
