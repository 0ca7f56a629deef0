"""Where things are: the campaigns that ship, what is kept between commands, what is cached."""

from __future__ import annotations

import os
from pathlib import Path

from harness.errors import OperatorError

CAMPAIGNS = Path(__file__).parents[1] / "campaigns"


def state_home() -> Path:
    """Return the folder of keys, pins, locks and labs, which need not exist yet.

    Raises:
        OperatorError: this user has no home, and XDG_STATE_HOME names no other place.
    """
    return _folder("XDG_STATE_HOME", ".local/state")


def cache_home() -> Path:
    """Return the folder of images and environments, which need not exist yet.

    Raises:
        OperatorError: this user has no home, and XDG_CACHE_HOME names no other place.
    """
    return _folder("XDG_CACHE_HOME", ".cache")


def _folder(variable: str, usual: str) -> Path:
    if base := os.environ.get(variable):
        return Path(base).absolute() / "slotlab"
    try:
        return Path.home().absolute() / usual / "slotlab"
    except RuntimeError as error:
        raise OperatorError(
            f"HOME: not set, and user {os.geteuid()} has no home: set HOME or {variable}"
        ) from error
