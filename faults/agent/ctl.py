"""ctl: relays JSON lines between standard input and the agent's socket; what runs at the end of
SSH.
"""

import contextlib
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

EXIT_NO_AGENT = 3
ANSWER_BYTES_MAX = 16 << 20
RUNS = b'{"id":0,"ok":"relay"}\n'
"""Requests are numbered from one: whoever waits for an answer passes over this line."""
_CREDENTIALS = struct.Struct("iII")


def relay(path: Path, requests: BinaryIO, replies: BinaryIO) -> int:
    """Return the exit status after each request line was answered, in order, by one reply line.

    Without an agent every request is answered with the error no_agent, and the status is 3.
    """
    link: BinaryIO | None = None
    status = 0
    for line in requests:
        if not line.strip():
            continue
        try:
            link = link or _connect(path)
            link.write(line if line.endswith(b"\n") else line + b"\n")
            reply = link.readline()
            if not reply:
                raise ConnectionError("the agent closed the connection")
        except OSError as error:
            link, status = None, EXIT_NO_AGENT
            reply = _no_agent(line, f"{path}: {error.strerror or error}")
        replies.write(reply)
        replies.flush()
    return status


def ask(path: Path, op: str, timeout_s: float, **fields: object) -> dict[str, Any]:
    """Return the agent's reply to an operation with these arguments; raises as `exchange`."""
    reply = msgspec.json.decode(exchange(path, op, timeout_s, **fields))
    if not isinstance(reply, dict) or not reply:
        raise ConnectionError("its answer is empty")
    return reply


def exchange(path: Path, op: str, timeout_s: float, **fields: object) -> bytes:
    """Return the line by which the agent answers an operation with these arguments.

    Raises:
        OSError: no agent, or none that answers in time.
    """
    with _connected(path, timeout_s) as link:
        link.sendall(msgspec.json.encode({"v": 1, "id": 0, "op": op, **fields}) + b"\n")
        line = link.makefile("rb").readline(ANSWER_BYTES_MAX)
    if not line:
        raise ConnectionError("it closed the connection")
    return line


def pid_of(path: Path, timeout_s: float) -> int:
    """Return who listens on the agent's socket; the kernel names it, even one that is stopped.

    Raises:
        OSError: nobody does.
    """
    with _connected(path, timeout_s) as link:
        data = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(data)[0])


def main(path: Path) -> int:
    """Return the exit status of a relay over the standard streams; it says first that it runs."""
    sys.stdout.buffer.write(RUNS)
    sys.stdout.buffer.flush()
    return relay(path, sys.stdin.buffer, sys.stdout.buffer)


@contextlib.contextmanager
def _connected(path: Path, timeout_s: float) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(timeout_s)
        link.connect(str(path))
        yield link


def _connect(path: Path) -> BinaryIO:
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.connect(str(path))
        return link.makefile("rwb", buffering=0)  # type: ignore[return-value]
    finally:
        link.close()


def _no_agent(line: bytes, detail: str) -> bytes:
    try:
        request = msgspec.json.decode(line)
    except msgspec.DecodeError:
        request = None
    number = request.get("id") if isinstance(request, dict) else None
    error = {"reason": "no_agent", "detail": detail}
    return msgspec.json.encode({"id": number, "error": error}) + b"\n"
