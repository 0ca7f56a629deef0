"""A lock among the processes of this machine, which leaves nothing behind."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

POLL_S = 0.02


@contextmanager
def held(
    path: Path, wait_s: float = 0.0, refusal: Callable[[], Exception] = BlockingIOError
) -> Iterator[TextIO]:
    """Hold the lock while the block runs, which may write into its file whose it is.

    The file is there only while somebody has the lock, or died with it.

    Raises:
        Exception: the refusal, as somebody else has had it for wait_s.
    """
    with _taken(path, time.monotonic() + wait_s, refusal) as file:
        file.truncate(0)
        try:
            yield file
        finally:
            path.unlink(missing_ok=True)


def _taken(path: Path, until: float, refusal: Callable[[], Exception]) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            if time.monotonic() >= until:
                raise refusal() from error
            time.sleep(POLL_S)
            continue
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # who had it has just removed it: this one locks nothing
