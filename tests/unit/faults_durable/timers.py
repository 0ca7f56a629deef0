"""Timers made without systemd are shells that sleep; a test leaves none behind."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path


def end_timers(folder: Path) -> None:
    """End the timers whose script is in folder."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if b"deadman" in words and any(str(folder).encode() in word for word in words):
                os.killpg(int(path.parent.name), signal.SIGKILL)
