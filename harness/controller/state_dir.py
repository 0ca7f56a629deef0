"""Where things are: the campaigns that ship, what is kept between commands, what is cached."""

import errno
import os
from pathlib import Path

from harness.errors import OperatorError

_NOT_WRITABLE = (
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST),
    *(errno.ENOSPC, errno.EDQUOT),
)
CAMPAIGNS = Path(__file__).parents[1] / "campaigns"


def shipped() -> list[str]:
    """Return the names of the campaigns that ship: `demo`, `questions/finality_vs_delay`."""
    found = (path.relative_to(CAMPAIGNS).with_suffix("") for path in CAMPAIGNS.rglob("*.yml"))
    return sorted(path.as_posix() for path in found)


def state_home() -> Path:
    """Return the folder of keys, pins, locks and labs, which need not exist yet."""
    return _folder("XDG_STATE_HOME", ".local/state")


def cache_home() -> Path:
    """Return the folder of images and environments, which need not exist yet."""
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


def write_private(path: Path, data: bytes) -> None:
    """Write a file that nobody else may read, whole or not at all, whatever goes down meanwhile."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _folder(variable: str, usual: str) -> Path:
    """Return our folder in the user's folder of that kind.

    Raises:
        OperatorError: this user has no home, and the variable names no other place.
    """
    if base := os.environ.get(variable):
        return Path(base).absolute() / "slotlab"
    try:
        return Path.home().absolute() / usual / "slotlab"
    except RuntimeError as error:
        raise OperatorError(
            f"HOME: not set, and user {os.geteuid()} has no home: set HOME or {variable}"
        ) from error
