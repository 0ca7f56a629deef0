"""The client's end of the node's local ZeroMQ socket: requests go out pipelined, answers come back.

Every request carries a number `ref`, which its answer repeats; what is not answered within two
seconds is reported as unanswered, and an answer that comes later is ignored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import zmq

from node.config import ConfigError

ANSWER_WITHIN_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """The node's answer to the request sent under key."""

    key: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The request sent under key got no answer; whether it was carried out is not known."""

    key: str


class LocalLink:
    """A DEALER to ipc://path. Neither send nor receive ever waits."""

    def __init__(self, path: str) -> None:
        self._address = f"ipc://{path}"
        self._context = zmq.Context()
        self._open: dict[int, tuple[str, int]] = {}
        self._next = 0
        self._socket = self._connect()

    @property
    def in_flight(self) -> int:
        """Return how many requests have no answer yet."""
        return len(self._open)

    def send(self, request: Mapping[str, object], *, key: str, now_ns: int) -> bool:
        """Return whether the request is on its way: False while the node is away."""
        frame = msgspec.msgpack.encode({**request, "ref": self._next})
        try:
            self._socket.send(frame, zmq.NOBLOCK)
        except zmq.Again:
            return False
        self._open[self._next] = key, now_ns
        self._next += 1
        return True

    def receive(self, now_ns: int) -> list[Answer | Unanswered]:
        """Return what came since the last call; now_ns is any clock that only moves forward."""
        results: list[Answer | Unanswered] = []
        while True:
            try:
                frame = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                break
            answer = self._match(frame)
            if answer is not None:
                results.append(answer)
        while self._open:
            oldest = next(iter(self._open))
            key, since_ns = self._open[oldest]
            if now_ns - since_ns <= ANSWER_WITHIN_NS:
                break
            del self._open[oldest]
            results.append(Unanswered(key))
        return results

    async def readable(self, stopped: asyncio.Future[str], wait_s: float) -> None:
        """Return when an answer is there, when stopped is done, or after wait_s."""
        if int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            return
        loop = asyncio.get_running_loop()
        came = loop.create_future()
        descriptor = int(self._socket.getsockopt(zmq.FD))
        loop.add_reader(descriptor, _settle, came)
        try:
            await asyncio.wait({came, stopped}, timeout=wait_s, return_when="FIRST_COMPLETED")
        finally:
            loop.remove_reader(descriptor)

    def close(self) -> None:
        """Close socket and context; what is not sent yet is dropped."""
        self._socket.close(linger=0)
        self._context.term()

    def _connect(self) -> zmq.Socket[bytes]:
        made = self._context.socket(zmq.DEALER)
        made.setsockopt(zmq.LINGER, 0)
        made.setsockopt(zmq.IMMEDIATE, 1)
        made.setsockopt(zmq.RECONNECT_IVL, 100)
        made.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
        try:
            made.connect(self._address)
        except zmq.ZMQError as error:
            made.close()
            raise ConfigError(f"socket: {self._address}: {error}") from error
        return made

    def _match(self, frame: bytes) -> Answer | None:
        try:
            body = msgspec.msgpack.decode(frame, type=dict[str, Any])
        except msgspec.MsgspecError:
            return None
        number = body.get("ref")
        if not isinstance(number, int) or number not in self._open:
            return None
        return Answer(self._open.pop(number)[0], body)


def _settle(came: asyncio.Future[None]) -> None:
    if not came.done():
        came.set_result(None)
