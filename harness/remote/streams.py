"""A command's two output streams, read as they come; where its own output begins is marked.

A login shell may print before the command does (a greeting in ~/.bashrc), and a command may say
more on standard error than the connection holds until somebody reads it.
"""

import re
import secrets
from typing import BinaryIO

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
        self.session = 0
        """The number of the host's login shell, which is that of all it starts as a group."""

    def command(self, line: str) -> str:
        """Return the shell line that prints the mark, then does what line says."""
        # Every shell has its own name for its number; sh has one for its parent's.
        return f"printf '%s ' {self._word}; sh -c 'echo $PPID'; {line}"

    def write(self, chunk: bytes) -> None:
        """Take what the command's standard output brought.

        Raises:
            ValueError: no end of a greeting is in sight.
        """
        if self.found:
            self._out.write(chunk)
            return
        self.greeting += chunk
        mark = re.search(self._word.encode() + rb" (\d{1,9})\n", self.greeting)
        if mark is not None:
            self.found, self.session = True, int(mark[1])
            self._out.write(self.greeting[mark.end() :])
            del self.greeting[mark.start() :]
        elif len(self.greeting) > GREETING_BYTES_MAX:
            raise ValueError(f"its login shell prints more than {GREETING_BYTES_MAX} bytes")


class Tail:
    """Keeps the end of what is written to it."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def write(self, chunk: bytes) -> None:
        """Take what the command's standard error brought."""
        self._kept += chunk
        del self._kept[:-ERRORS_BYTES_MAX]

    @property
    def text(self) -> str:
        """Return what was kept."""
        return self._kept.decode(errors="replace")
