"""The file of a node's snapshot: written beside the old one, which it replaces when durable."""

import os
from collections.abc import Iterator
from pathlib import Path

from node.storage.database import StoreError

DURABLE_EACH_BYTES = 256 * 1024
"""So much waits for the disk at once, lest a block of ours wait behind all of it."""


def write(path: Path, pieces: Iterator[bytes]) -> Iterator[None]:
    """Write the pieces and yield after each; the file is there and durable only at the end.

    Raises:
        StoreError: the disk failed.
    """
    new = path.with_name(path.name + ".new")
    try:
        with new.open("wb", buffering=0) as file:
            unsafe_bytes = 0
            for piece in pieces:
                file.write(piece)
                unsafe_bytes += len(piece)
                if unsafe_bytes >= DURABLE_EACH_BYTES:
                    os.fdatasync(file.fileno())
                    unsafe_bytes = 0
                yield
            os.fsync(file.fileno())
        new.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error


def remove(path: Path) -> None:
    """Remove a snapshot, if there is one.

    Raises:
        StoreError: it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error


def read(path: Path) -> bytes | None:
    """Return the bytes of the snapshot that is durable, None where there is none.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
