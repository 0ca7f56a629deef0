"""Where the controller keeps what it must remember between commands: keys, pins and locks."""

from __future__ import annotations

import os
from pathlib import Path


def state_home() -> Path:
    """Return the folder for it, which need not exist yet."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "slotlab"
