"""A command's two output streams, read as they come; where its own output begins is marked.

A login shell may print before the command does (a greeting in ~/.bashrc), and a command may say
more on standard error than the connection holds until somebody reads it.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable
from typing import BinaryIO

import paramiko

CHUNK_BYTES = 256 * 1024
ERRORS_BYTES_MAX = 256 * 1024
"""Of standard error only the end is kept: that is where a failing command says why."""
GREETING_BYTES_MAX = 1024 * 1024


class Marked:
    """Passes on what is printed behind a mark that the command begins with."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._word = f"slotlab-{secrets.token_hex(8)}"
        self.greeting = bytearray()
        """What came before the mark; all there was where no mark was printed."""
        self.found = False

    def command(self, line: str) -> str:
        """Return the shell line that prints the mark, then does what line says."""
        return f"printf '%s\\n' {self._word}; {line}"

    def write(self, chunk: bytes) -> None:
        """Take what the command's standard output brought.

        Raises:
            ValueError: no end of a greeting is in sight.
        """
        if self.found:
            self._out.write(chunk)
            return
        self.greeting += chunk
        mark = self._word.encode() + b"\n"
        at = self.greeting.find(mark)
        if at >= 0:
            self.found = True
            self._out.write(self.greeting[at + len(mark) :])
            del self.greeting[at:]
        elif len(self.greeting) > GREETING_BYTES_MAX:
            raise ValueError(f"its login shell prints more than {GREETING_BYTES_MAX} bytes")


def read_both(channel: paramiko.Channel, out: Marked, left_s: Callable[[], float]) -> str:
    """Return the end of standard error once both streams have ended; out has had the other one.

    Raises:
        TimeoutError: left_s says so, or nothing came for as long as it allows.
    """
    errors = bytearray()

    def drain() -> None:
        with contextlib.suppress(OSError):  # the reader of standard output tells of it
            while chunk := channel.recv_stderr(CHUNK_BYTES):
                errors.extend(chunk)
                del errors[:-ERRORS_BYTES_MAX]

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    while chunk := channel.recv(CHUNK_BYTES):
        out.write(chunk)
        channel.settimeout(left_s())
    reader.join(left_s())
    if reader.is_alive():
        raise TimeoutError
    return errors.decode(errors="replace")
