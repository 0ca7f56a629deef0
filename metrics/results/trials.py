"""The trials of a run, each measured by itself: in turn, or in processes of their own."""

import gc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from metrics.intake import event_table, header_lines, trial
from metrics.intake.header_lines import Recompute
from metrics.model import processes, run_folder
from metrics.model.plan import Plan, PlannedTrial
from metrics.model.run_folder import RunError
from metrics.results.analysis import Analysis, analyse
from metrics.results.written import tables

EVENTS = "trials/*/hosts/*/events.jsonl*"
LARGE_BYTES = 16 << 20
"""A run whose event files have so many bytes is worth processes."""


def measured(
    run: Path,
    plan: Plan,
    draft: Path | None,
    progress: Callable[[str], None],
    headers: Recompute | None = None,
) -> tuple[list[Analysis], list[str]]:
    """Return what was found in each trial, and why others are not among them.

    draft: where the events of each trial are written as tables, if anywhere. Trials of a large run
    are measured in processes of their own; if there is one alone, its hosts are read so.
    """
    at_once = _at_once(run)
    measure = partial(_measured, run, plan, draft, headers)
    if at_once == 1 or len(plan.trials) == 1:
        found = [measure(planned, at_once, progress) for planned in plan.trials]
    else:
        progress(f"{len(plan.trials)} trials, {at_once} at once: reading events and measuring")
        with processes.pool(at_once) as pool:
            found = list(pool.map(measure, plan.trials))
    absent = [reason for reason in found if isinstance(reason, str)]
    return [each for each in found if isinstance(each, Analysis)], absent


def _at_once(run: Path) -> int:
    """Return how many processes to use: for a small run it is not worth it."""
    large = sum(file.stat().st_size for file in run.glob(EVENTS)) >= LARGE_BYTES
    return processes.at_once() if large else 1


def _measured(
    run: Path,
    plan: Plan,
    draft: Path | None,
    headers: Recompute | None,
    planned: PlannedTrial,
    at_once: int = 1,
    progress: Callable[[str], None] = lambda _: None,
) -> Analysis | str:
    """Return what was found in a trial, or why there is nothing; its events are not kept."""
    progress(f"trial {planned.n}: reading events")
    alone = len(plan.trials) == 1
    with cycles_kept(), closing(event_table.connect(threads=None if alone else 1)) as db:
        try:
            data = trial.load(db, run, plan, planned, at_once)
        except RunError as error:
            return f"trial {planned.n}: {error}"
        if data is None:
            return f"trial {planned.n} was never run"
        what = planned.n, db.cursor(), alone, data.intake.in_order
        write = None if draft is None else partial(tables.write_events, draft, *what)
        with processes.meanwhile(write):
            if headers is not None:
                progress(f"trial {planned.n}: recomputing headers")
                lines = header_lines.read(db, planned.liars)
                run_folder.write_headers(data.folder, headers(data.folder, lines))
            progress(f"trial {planned.n}: measuring")
            return analyse(data)


@contextmanager
def cycles_kept() -> Iterator[None]:
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
