"""Where things are: the campaigns that ship, what is kept between commands, what is cached."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from harness.errors import OperatorError

_NOT_WRITABLE = (
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST),
    *(errno.ENOSPC, errno.EDQUOT),
)
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


def remedy(error: OSError) -> str:
    """Return what helps where state or cache cannot be written, "" for every other error."""
    if error.errno not in _NOT_WRITABLE or not isinstance(error.filename, str):
        return ""
    path = Path(error.filename).absolute()
    for variable, home in (("XDG_STATE_HOME", state_home()), ("XDG_CACHE_HOME", cache_home())):
        if path.is_relative_to(home) or home.is_relative_to(path):
            return f"; set {variable} to a folder that can be written"
    return ""


def _folder(variable: str, usual: str) -> Path:
    if base := os.environ.get(variable):
        return Path(base).absolute() / "slotlab"
    try:
        return Path.home().absolute() / usual / "slotlab"
    except RuntimeError as error:
        raise OperatorError(
            f"HOME: not set, and user {os.geteuid()} has no home: set HOME or {variable}"
        ) from error
