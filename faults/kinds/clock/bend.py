"""What is asked of a clock, and the files that keep what it and its daemons were before."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from faults.model.fault import HostContext

Level = Literal["process", "daemon", "host"]


class Bend(NamedTuple):
    """A step by by_ns or a drift by by_ppb, of the clock at this level."""

    level: Level
    by_ns: int = 0
    by_ppb: int = 0


def marker_file(context: HostContext) -> Path:
    """Return the file that says what the host's clock was before this fault moved it."""
    return context.run_dir / f"clock-{context.token}.marker"


def held_file(context: HostContext) -> Path:
    """Return the file that names the time daemons this fault holds."""
    return context.run_dir / f"clock-{context.token}.held"
