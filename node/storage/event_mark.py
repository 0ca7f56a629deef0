"""Which numbers the writer of an event file has given, kept beside the file (`<file>.next`).

The file alone cannot tell that it lost its end. The mark can: it is durable before the first line
of a life, and names the next number before lines reach the kernel. Whoever opens the file again
leaves out what the mark knows to be gone, and one number where lines may be gone.
"""

import os
import zlib
from dataclasses import dataclass
from pathlib import Path

NUMBER_MAX = 2**62
_BOOT_BYTES = 64
_TEXT_BYTES = 20 + 1 + 20 + 1 + _BOOT_BYTES + 1
_BYTES = _TEXT_BYTES + 8 + 1


@dataclass(frozen=True, slots=True)
class Mark:
    """next_seq: the number no line has yet; began_seq: that of the last life's first line."""

    next_seq: int
    began_seq: int
    boot: str


class MarkFile:
    """One writer's mark on disk, overwritten in place.

    Raises:
        OSError: it cannot be opened, read or written.
    """

    def __init__(self, events: Path) -> None:
        self._path = events.with_name(events.name + ".next")
        self.is_new = not self._path.exists()
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def read(self) -> Mark | None:
        """Return the mark, None where there is none or it is torn."""
        return decode(os.pread(self._fd, _BYTES + 1, 0))

    def begin(self, mark: Mark) -> None:
        """Write the mark of a new life and wait until it is on the disk, its name included."""
        self.put(mark)
        os.ftruncate(self._fd, _BYTES)
        os.fsync(self._fd)
        if self.is_new:
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def put(self, mark: Mark) -> None:
        """Hand the mark to the kernel."""
        os.pwrite(self._fd, encode(mark), 0)

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def encode(mark: Mark) -> bytes:
    """Return the mark as one line of fixed width that ends in its checksum."""
    text = b"%020d %020d %s " % (
        mark.next_seq, mark.began_seq, mark.boot.encode("ascii").ljust(_BOOT_BYTES),
    )  # fmt: skip
    assert len(text) == _TEXT_BYTES, "a boot id is short"
    return b"%s%08x\n" % (text, zlib.crc32(text))


def decode(data: bytes) -> Mark | None:
    """Return the mark in data, None for anything that encode did not write."""
    text = data[:_TEXT_BYTES]
    if len(data) != _BYTES or data[_TEXT_BYTES:] != b"%08x\n" % zlib.crc32(text):
        return None
    try:
        next_seq, began_seq, boot = text.decode("ascii").split()
        found = Mark(int(next_seq), int(began_seq), boot)
    except ValueError:
        return None
    return found if 0 <= found.began_seq <= found.next_seq <= NUMBER_MAX else None
