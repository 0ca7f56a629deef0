"""From raw files to tables, summaries, junit.xml and report.html; offline, repeatable."""

import errno
import gc
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from metrics.intake import event_table, header_lines, trial
from metrics.intake.header_lines import Recompute
from metrics.model import run_folder
from metrics.model.plan import Plan, PlannedTrial
from metrics.model.run_folder import RunError
from metrics.report import page
from metrics.results import comparison, expectations, junit, markdown, summary, tables
from metrics.results.analysis import Analysis, analyse

EVENTS = "trials/*/hosts/*/events.jsonl*"
LARGE_BYTES = 8 << 20
"""A run whose event files have so many bytes is worth processes."""
AT_ONCE_MAX = 4
"""Each trial takes memory of its own."""


def build(
    run: Path,
    progress: Callable[[str], None],
    *,
    other_run: Path | None = None,
    headers: Recompute | None = None,
) -> dict[str, Any]:
    """Return the summary of the run folder after writing everything below its raw files.

    progress is told, in a few words, what is being done. other_run: the folder of another run of
    the same campaign, shown beside this one. headers: what recomputes the headers of a trial, which
    it takes the chain's rules to do; without it, what was found of them before stays.

    Raises:
        RunError: plan.json is missing or damaged, other_run has no summary, or there is no room.
    """
    plan = run_folder.load_plan(run, expectations.problem)
    other = None if other_run is None else comparison.load(other_run)
    with _cycles_kept():
        return _build(run, plan, other, progress, headers)


def _build(
    run: Path,
    plan: Plan,
    other: dict[str, Any] | None,
    progress: Callable[[str], None],
    headers: Recompute | None,
) -> dict[str, Any]:
    try:
        with tables.draft_of(run / "tables") as draft:
            analyses, absent = measured(run, plan, draft, progress, headers)
            progress("writing tables")
            found = summary.build(plan, analyses, absent, other)
            text = msgspec.json.format(msgspec.json.encode(found), indent=1)
            tables.write(run / "tables", draft, plan, found["cells"], analyses)
        progress("writing summary and report")
        _put(run / "report.html", page.render(run, plan, found, analyses).encode())
        _put(run / "junit.xml", junit.encode(found))
        _put(run / "summary.md", markdown.encode(found))
        _put(run / "summary.json", text + b"\n")
    except (OSError, duckdb.IOException) as error:
        full = os.strerror(errno.ENOSPC)
        if full not in str(error):
            raise
        raise RunError(f"{run}: {full}; make room, then: slotlab report {run}") from error
    return found


def measured(
    run: Path,
    plan: Plan,
    draft: Path | None,
    progress: Callable[[str], None],
    headers: Recompute | None = None,
) -> tuple[list[Analysis], list[str]]:
    """Return what was found in each trial, and why others are not among them.

    draft: where the events of each trial are written as tables, if anywhere. Trials of a large run
    are measured in processes of their own.
    """
    at_once = _at_once(run, plan)
    measure = partial(_measured, run, plan, draft, headers)
    if at_once == 1:
        found = [measure(planned, progress) for planned in plan.trials]
    else:
        progress(f"{len(plan.trials)} trials, {at_once} at once: reading events and measuring")
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(at_once, context) as processes:
            found = list(processes.map(measure, plan.trials))
    absent = [reason for reason in found if isinstance(reason, str)]
    return [each for each in found if isinstance(each, Analysis)], absent


def _at_once(run: Path, plan: Plan) -> int:
    """Return how many trials to measure at once: a process is not worth it for a small run."""
    large = sum(file.stat().st_size for file in run.glob(EVENTS)) >= LARGE_BYTES
    processors = len(os.sched_getaffinity(0))
    return max(min(len(plan.trials), processors, AT_ONCE_MAX), 1) if large else 1


def _measured(
    run: Path,
    plan: Plan,
    draft: Path | None,
    headers: Recompute | None,
    planned: PlannedTrial,
    progress: Callable[[str], None] = lambda _: None,
) -> Analysis | str:
    """Return what was found in a trial, or why there is nothing; its events are not kept."""
    progress(f"trial {planned.n}: reading events")
    with _cycles_kept(), closing(event_table.connect()) as db:
        try:
            data = trial.load(db, run, plan, planned)
        except RunError as error:
            return f"trial {planned.n}: {error}"
        if data is None:
            return f"trial {planned.n} was never run"
        if draft is not None:
            tables.write_events(draft, planned.n, db)
        if headers is not None:
            progress(f"trial {planned.n}: recomputing headers")
            lines = header_lines.read(db, planned.liars)
            run_folder.write_headers(data.folder, headers(data.folder, lines))
        progress(f"trial {planned.n}: measuring")
        return analyse(data)


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
