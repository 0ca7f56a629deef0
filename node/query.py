"""The local socket: what a client on this host may ask the node, and the asking side.

ZeroMQ ROUTER on a Unix socket, msgpack maps. Requests: {"op": "status" | "peers" | "mempool"} and
{"op": "submit", "tx": bytes}; "ref", any number, comes back in the reply. Replies carry "ok".
Who may talk is decided by the socket file's rights (0660), not here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec
import zmq

from node.links import LinkError

REQUEST_BYTES_MAX = 2 * 1024 * 1024
PATH_BYTES_MAX = 100
DRAIN_MAX = 256
TIMEOUT_S = 3.0

Reply: TypeAlias = Mapping[str, object]


class QueryError(Exception):
    """The node does not answer; one line with the socket and the remedy."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What may be asked."""

    op: Literal["status", "peers", "mempool", "submit"]
    tx: bytes = b""
    ref: int | None = None


class LocalServer:
    """Answers requests on the socket at path with what answer returns, on the loop.

    Raises:
        LinkError: the socket cannot be made.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, context: zmq.Context[zmq.Socket[bytes]],
        path: str, answer: Callable[[Request], Reply],
    ) -> None:  # fmt: skip
        if len(path.encode()) > PATH_BYTES_MAX:
            raise LinkError(f"socket: {path}: over {PATH_BYTES_MAX} bytes; give a shorter path")
        self._loop = loop
        self._answer = answer
        self._router = context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 0)
        self._router.setsockopt(zmq.MAXMSGSIZE, REQUEST_BYTES_MAX)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._router.bind(f"ipc://{path}")
            os.chmod(path, 0o660)
        except (zmq.ZMQError, OSError) as error:
            self._router.close(0)
            raise LinkError(f"socket: {path}: {os.strerror(error.errno or 0)}") from error
        loop.add_reader(self._router.fileno(), self._drain)
        loop.call_soon(self._drain)

    def close(self) -> None:
        """Answer no more."""
        if not self._router.closed:
            self._loop.remove_reader(self._router.fileno())
            self._router.close(0)

    def _drain(self) -> None:
        for _ in range(DRAIN_MAX):
            if self._router.closed:
                return
            try:
                *envelope, payload = self._router.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            reply = msgspec.msgpack.encode(self._reply(payload))
            try:
                self._router.send_multipart([*envelope, reply], zmq.NOBLOCK)
            except zmq.ZMQError:
                continue  # the asker does not read its answers
        self._loop.call_soon(self._drain)

    def _reply(self, payload: bytes) -> Reply:
        try:
            request = msgspec.msgpack.decode(payload, type=Request)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {"ok": False, "reason": "bad_request"}
        reply = self._answer(request)
        return reply if request.ref is None else {**reply, "ref": request.ref}


def ask(socket_path: str, op: str, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Return the node's answer to op.

    Raises:
        QueryError: nobody answers in time.
    """
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.connect(f"ipc://{socket_path}")
        dealer.send(msgspec.msgpack.encode({"op": op}))
        if not dealer.poll(round(timeout_s * 1000)):
            raise QueryError(f"{socket_path}: no node answers; is it running?")
        return msgspec.msgpack.decode(dealer.recv(), type=dict[str, Any])
