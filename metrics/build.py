"""From raw files to tables, summaries, junit.xml and report.html; offline, repeatable."""

import errno
import os
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from metrics.intake.header_lines import Recompute
from metrics.model import processes, run_folder
from metrics.model.plan import Plan
from metrics.model.run_folder import RunError
from metrics.report import page
from metrics.results import expectations, summary, trial_figures, trials
from metrics.results.summary import Beside
from metrics.results.written import junit, markdown, summary_file, tables


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
    said = run_folder.load_prediction(run)
    other = None if other_run is None else summary_file.load(other_run)
    with trials.cycles_kept():
        return _build(run, plan, Beside(other, said), progress, headers)


def figures(
    run: Path, progress: Callable[[str], None]
) -> dict[int, dict[str, dict[str, trial_figures.Figure]]]:
    """Return the figures of each trial of a run folder by its number and phase; nothing is written.

    Raises:
        RunError: plan.json is missing or damaged.
    """
    plan = run_folder.load_plan(run, expectations.problem)
    with trials.cycles_kept():
        analyses, _ = trials.measured(run, plan, None, progress)
    alone = trial_figures.of_trials(analyses)
    return {
        n: {name: trial_figures.figures(m) for name, m in phases.items()}
        for n, phases in alone.items()
    }


def _build(
    run: Path,
    plan: Plan,
    beside: Beside,
    progress: Callable[[str], None],
    headers: Recompute | None,
) -> dict[str, Any]:
    try:
        with tables.draft_of(run / "tables") as draft:
            analyses, absent = trials.measured(run, plan, draft, progress, headers)
            progress("writing tables")
            with processes.meanwhile(partial(tables.join_events, draft, len(plan.trials) == 1)):
                alone = trial_figures.of_trials(analyses)
                found = summary.build(plan, analyses, alone, absent, beside)
                text = msgspec.json.format(msgspec.json.encode(found), indent=1)
                progress("writing summary and report")
                html = page.render(run, plan, found, analyses).encode()
            tables.write(run / "tables", draft, found["cells"], analyses, alone)
        _put(run / "report.html", html)
        _put(run / "junit.xml", junit.encode(found))
        _put(run / "summary.md", markdown.encode(found))
        _put(run / "summary.json", text + b"\n")
    except (OSError, duckdb.IOException) as error:
        full = os.strerror(errno.ENOSPC)
        if full not in str(error):
            raise
        raise RunError(f"{run}: {full}; make room, then: slotlab report {run}") from error
    except BrokenProcessPool as error:
        raise RunError(
            f"{run}: a process that measured was killed, most likely as memory ran out; "
            f"free some, then: slotlab report {run}"
        ) from error
    return found


def _put(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: what stood there stays until the new one is complete."""
    draft = path.with_name(path.name + ".new")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
