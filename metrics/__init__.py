"""Event logs in, tables and a report out; offline and re-runnable. `open_run` opens the tables."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metrics.opened import OpenedRun


def open_run(folder: str | PathLike[str]) -> OpenedRun:
    """Return the tables and the summary of a run folder, which has been reported.

    Raises:
        metrics.model.run_folder.RunError: there are none; the message says what makes them.
    """
    from metrics.opened import OpenedRun  # Who imports a part of metrics needs no database.

    return OpenedRun(folder)
