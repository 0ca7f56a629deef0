"""How a node lies, as a file tells a running one: JSON, written by who may have it lie.

Whoever writes it replaces it as a whole. Without the file, or where what is in it is no behaviour,
the node keeps the rules.
"""

import os
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

BYTES_MAX = 64 * 1024
BY_NS_MAX = 24 * 3600 * 1_000_000_000


class Behaviour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By which strategy a node lies, how long it keeps blocks back, whom it censors (nobody named:
    everybody), and what is drawn, from which seed.
    """

    strategy: str
    by_ns: Annotated[int, Meta(ge=0, le=BY_NS_MAX)] = 1_000_000_000
    accounts: Annotated[list[str], Meta(max_length=1_000)] = []
    seed: int = 0


class BehaviourFile:
    """Reader of the file at path; None: there never is one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._identity: tuple[int, int, int] | None = None
        self._found: Behaviour | None = None

    def read(self) -> Behaviour | None:
        """Return the behaviour in the file, read again only where it is another file."""
        if self._path is None:
            return None
        try:
            found = os.stat(self._path)
            identity = found.st_dev, found.st_ino, found.st_mtime_ns
            if identity != self._identity:
                self._identity, self._found = identity, _decoded(self._path)
        except OSError:
            self._identity = self._found = None
        return self._found


def _decoded(path: Path) -> Behaviour | None:
    with path.open("rb") as file:
        data = file.read(BYTES_MAX)
    try:
        return msgspec.json.decode(data, type=Behaviour)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
