"""From a run's raw files to tables, summary.json, junit.xml, report.html; offline, repeatable."""

import errno
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from metrics.intake import event_table, trial
from metrics.model import run_folder
from metrics.model.plan import Plan
from metrics.model.run_folder import RunError
from metrics.report import page
from metrics.results import comparison, expectations, junit, summary, tables
from metrics.results.analysis import Analysis, analyse


def build(
    run: Path, progress: Callable[[str], None], *, other_run: Path | None = None
) -> dict[str, Any]:
    """Return the summary of the run folder after writing everything below its raw files.

    progress is told, in a few words, what is being done. other_run: the folder of another run of
    the same campaign, shown beside this one.

    Raises:
        RunError: plan.json is missing or damaged, other_run has no summary, or there is no room.
    """
    plan = run_folder.load_plan(run, expectations.problem)
    other = None if other_run is None else comparison.load(other_run)
    with _cycles_kept():
        return _build(run, plan, other, progress)


def _build(
    run: Path, plan: Plan, other: dict[str, Any] | None, progress: Callable[[str], None]
) -> dict[str, Any]:
    db = event_table.connect()
    try:
        analyses, absent = measured(db, run, plan, progress)
        progress("writing tables")
        found = summary.build(plan, analyses, absent, other)
        text = msgspec.json.format(msgspec.json.encode(found), indent=1)
        tables.write(run / "tables", db, analyses)
        progress("writing summary and report")
        _put(run / "report.html", page.render(run, plan, found, analyses).encode())
        _put(run / "junit.xml", junit.encode(found))
        _put(run / "summary.json", text + b"\n")
    except (OSError, duckdb.IOException) as error:
        full = os.strerror(errno.ENOSPC)
        if full not in str(error):
            raise
        raise RunError(f"{run}: {full}; make room, then: slotlab report {run}") from error
    finally:
        db.close()
    return found


def measured(
    db: duckdb.DuckDBPyConnection, run: Path, plan: Plan, progress: Callable[[str], None]
) -> tuple[list[Analysis], list[str]]:
    """Return what was found in each trial, and why others are not among them."""
    analyses: list[Analysis] = []
    absent: list[str] = []
    for planned in plan.trials:
        progress(f"trial {planned.n}: reading events")
        try:
            data = trial.load(db, run, plan, planned)
        except RunError as error:
            absent.append(f"trial {planned.n}: {error}")
            continue
        if data is None:
            absent.append(f"trial {planned.n} was never run")
            continue
        progress(f"trial {planned.n}: measuring")
        analyses.append(analyse(data))
    return analyses, absent


@contextmanager
def _cycles_kept() -> Iterator[None]:
    """Look for no garbage in cycles meanwhile: there is little, and to look through millions of
    events again and again is a fifth of a report's time.
    """
    looked = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looked:
            gc.enable()


def _put(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: what stood there stays until the new one is complete."""
    draft = path.with_name(path.name + ".new")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
