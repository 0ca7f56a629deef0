"""Where things are: the campaigns that ship; keys, pins and locks, kept between commands."""

from __future__ import annotations

import os
from pathlib import Path

CAMPAIGNS = Path(__file__).parent / "campaigns"


def state_home() -> Path:
    """Return the folder for it, which need not exist yet."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "slotlab"
