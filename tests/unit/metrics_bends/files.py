"""Bends of a run's files as bytes: what disks, archives, hands and strangers do to them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.unit.metrics_bends.folder import Folder
from tests.unit.metrics_bends.records import Bend

Change = Callable[[bytes], bytes]


def packed(host: str, change: Change) -> Bend:
    """Change the compressed bytes of a host's events."""
    return lambda folder: _rewrite(folder.events(host), change)


def text(host: str, change: Change) -> Bend:
    """Change the lines of a host's events, as bytes."""
    return lambda folder: folder.write_text(host, change(folder.text(host)))


def value(host: str, old: bytes, new: bytes) -> Bend:
    """Put new in the place of the first old in a host's events."""

    def change(found: bytes) -> bytes:
        assert old in found
        return found.replace(old, new, 1)

    return text(host, change)


def raw(name: str, change: Change) -> Bend:
    """Change the bytes of a file below the run folder."""
    return lambda folder: _rewrite(folder.path / name, change)


def gone(name: str) -> Bend:
    """Remove a file or a folder below the run folder."""

    def bend(folder: Folder) -> None:
        path = folder.path / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    return bend


def in_the_place_of(host: str, other: str) -> Bend:
    """Put another host's events in the place of a host's."""
    return lambda folder: folder.events(host).write_bytes(folder.events(other).read_bytes())


def exchanged(host: str, other: str) -> Bend:
    """Exchange the events of two hosts."""

    def bend(folder: Folder) -> None:
        own = folder.events(host).read_bytes()
        in_the_place_of(host, other)(folder)
        folder.events(other).write_bytes(own)

    return bend


def glued(host: str, other: str) -> Bend:
    """Put another host's events behind a host's, as two frames of one file."""

    def bend(folder: Folder) -> None:
        both = folder.events(host).read_bytes() + folder.events(other).read_bytes()
        folder.events(host).write_bytes(both)

    return bend


def flipped(found: bytes, at: float) -> bytes:
    """Return bytes of which one, that far in (0 to 1), has all its bits turned."""
    i = int(at * (len(found) - 1))
    return found[:i] + bytes([found[i] ^ 0xFF]) + found[i + 1 :]


def _rewrite(path: Path, change: Change) -> None:
    path.write_bytes(change(path.read_bytes()))
