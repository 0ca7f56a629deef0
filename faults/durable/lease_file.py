"""A small file that says until when something lasts, to the agent and to the shell.

Its first line is the end in hundredths of a second of /proc/uptime, the second the whole in JSON.
Its space is reserved when it is made, so that renewing it needs no free disk.
"""

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from faults.host.boottime import CENTISECOND_NS

FILE_BYTES = 1024

T = TypeVar("T", bound=msgspec.Struct)


def write(path: Path, ends_ns: int, value: msgspec.Struct, *, fresh: bool) -> None:
    """Put the value on disk, with its end; not fresh: over the file that is there.

    Raises:
        OSError: no space, or no file to write over.
    """
    data = f"{-(-ends_ns // CENTISECOND_NS)}\n".encode() + msgspec.json.encode(value) + b"\n"
    if len(data) > FILE_BYTES:
        raise OSError(f"{path.name}: {len(data)} bytes")
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if fresh else 0)
    descriptor = os.open(path, flags, 0o640)
    try:
        os.posix_fallocate(descriptor, 0, FILE_BYTES)
        os.pwrite(descriptor, data.ljust(FILE_BYTES, b" "), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path, kind: type[T]) -> T | None:
    """Return the value, None when there is none (or half of one)."""
    try:
        return msgspec.json.decode(path.read_bytes().split(b"\n")[1], type=kind)
    except (OSError, IndexError, msgspec.MsgspecError):
        return None
