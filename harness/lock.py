"""One lab, one campaign: a lock on the controller that ends with its owner.

The kernel drops the lock when the process dies, so there is nothing stale to clean. Two controllers
of one lab are kept apart by the hosts: an agent refuses to arm while another trial's lease runs.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import LockError


def state_home() -> Path:
    """Return the folder for what the controller must remember between commands."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "slotlab"


@contextmanager
def hold(lab_id: str, purpose: str) -> Iterator[None]:
    """Hold the lab's lock while the block runs.

    Raises:
        LockError: another process holds it; the line says which and since when.
    """
    folder = state_home() / "locks"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{lab_id}.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockError(f"this lab is busy: {_owner(path)}; wait, or end that first") from error
        file.truncate(0)
        owner = {"pid": os.getpid(), "purpose": purpose, "since": int(time.time())}
        file.write(json.dumps(owner))
        file.flush()
        yield


def forget(lab_id: str) -> None:
    """Remove what is left of the lock of a lab that is gone."""
    (state_home() / "locks" / f"{lab_id}.lock").unlink(missing_ok=True)


def _owner(path: Path) -> str:
    try:
        owner = json.loads(path.read_text())
        minutes = (time.time() - owner["since"]) / 60
        return f"process {owner['pid']} runs {owner['purpose']} for {minutes:.0f} min"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process holds it"
