"""The client's end of the node's local socket: requests go out pipelined, answers come back.

A request is sent under the ids of the transactions in it, none where it only asks.

Every request carries a number `ref`, which its answer repeats; what is not answered within two
seconds, or by a node that hung up, is reported as unanswered, and an answer that comes later is
ignored.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from node.local.local_frame import FrameError, Frames, pack, unpack

ANSWER_WITHIN_NS = 2_000_000_000
CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """The node's answer to the request sent under ids."""

    ids: tuple[str, ...]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The request sent under ids got no answer; whether it was carried out is not known."""

    ids: tuple[str, ...]


class LocalLink:
    """A connection to the socket at path, made anew when it was lost. Nothing here ever waits."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._open: dict[int, tuple[tuple[str, ...], int]] = {}
        self._next = 0
        self._socket: socket.socket | None = None
        self._frames = Frames()
        self._unsent = b""

    @property
    def connected(self) -> bool:
        """Return whether there is a connection."""
        return self._socket is not None

    @property
    def waits(self) -> bool:
        """Return whether any request has no answer yet."""
        return bool(self._open)

    @property
    def in_flight(self) -> int:
        """Return how many transactions have no answer yet."""
        return sum(len(ids) for ids, _ in self._open.values())

    def ready(self) -> bool:
        """Return whether a request could be sent: not while the node is away or far behind."""
        return self._connected() and self._flushed()

    def send(self, request: Mapping[str, object], *, ids: tuple[str, ...], now_ns: int) -> bool:
        """Return whether the request is on its way: not where the link is not ready."""
        if not self.ready():
            return False
        self._unsent = pack({**request, "ref": self._next})
        self._open[self._next] = ids, now_ns
        self._next += 1
        self._flushed()
        return True

    def receive(self, now_ns: int) -> list[Answer | Unanswered]:
        """Return what came since the last call; now_ns is any clock that only moves forward."""
        self._flushed()
        self._read()
        results: list[Answer | Unanswered] = []
        try:
            while (body := self._frames.next()) is not None:
                answer = self._match(unpack(body, dict[str, Any]))
                if answer is not None:
                    results.append(answer)
        except FrameError:
            self.close()
        while self._open:
            oldest = next(iter(self._open))
            ids, since_ns = self._open[oldest]
            if self._socket is not None and now_ns - since_ns <= ANSWER_WITHIN_NS:
                break
            del self._open[oldest]
            results.append(Unanswered(ids))
        return results

    def close(self) -> None:
        """Hang up; what is not sent yet is dropped."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> bool:
        """Return whether there is a connection, after trying to make one: that never waits."""
        if self._socket is None:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            made.setblocking(False)
            try:
                made.connect(self._path)
            except OSError:
                made.close()
                return False
            self._socket, self._frames, self._unsent = made, Frames(), b""
        return True

    def _flushed(self) -> bool:
        """Return whether nothing is left to send, after sending what the node takes."""
        try:
            while self._unsent and self._socket is not None:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            return False
        except OSError:
            self.close()
        return self._socket is not None

    def _read(self) -> None:
        """Take what the node has sent; answers from before it hung up count."""
        if self._socket is None:
            return
        try:
            data = self._socket.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._frames.feed(data)
        if not data:
            self.close()

    def _match(self, body: dict[str, Any]) -> Answer | None:
        number = body.get("ref")
        if not isinstance(number, int) or number not in self._open:
            return None
        return Answer(self._open.pop(number)[0], body)
