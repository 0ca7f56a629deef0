"""The local socket: what a client on this host may ask the node, and the asking side.

A Unix stream socket; frames of msgpack maps (local_frame.py). Requests: {"op": "status" | "health"
| "peers" | "mempool"}, {"op": "submit", "txs": [bytes]}, {"op": "ended", "start": number} and
{"op": "block" | "transaction", "of": text, "start": number}; "ref", any number, comes back in the
reply, and replies come in the order of the requests. Replies carry "ok"; "reasons" of a submit say
of each of its transactions why it was not taken, "" for one that was. Who may talk is decided by
the socket file's rights (0660).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from node.events import Count
from node.local.local_frame import FrameError, Frames, pack, unpack
from node.network.links import LinkError

PATH_BYTES_MAX = 100
CONNECTIONS_MAX = 32
UNREAD_BYTES_MAX = 1024 * 1024
"""An asker that leaves more answers than this unread is hung up on."""
SUBMITTED_MAX = 64
"""So many transactions one request holds at most."""
DRAIN_MAX = 128
"""So many requests and transactions of one asker are answered before the loop has its turn."""
TIMEOUT_S = 3.0

Reply: TypeAlias = Mapping[str, object]
_BAD_REQUEST = pack({"ok": False, "reason": "bad_request"})


class QueryError(Exception):
    """The node does not answer; one line with the socket and the remedy."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What may be asked; of, start: which block or transaction, and where to begin with it.

    Of `ended`, start is how many ends the asker was told of.
    """

    op: Literal["status", "health", "peers", "mempool", "submit", "ended", "block", "transaction"]
    txs: Annotated[list[bytes], msgspec.Meta(max_length=SUBMITTED_MAX)] = []
    of: str = ""
    start: Count = 0
    ref: int | None = None


class LocalServer:
    """Answers requests on the socket at path with what answer returns, on the loop.

    Raises:
        LinkError: the socket cannot be made.
    """

    def __init__(self, path: str, answer: Callable[[Request], Reply]) -> None:
        if len(path.encode()) > PATH_BYTES_MAX:
            raise LinkError(f"socket: {path}: over {PATH_BYTES_MAX} bytes; give a shorter path")
        self._path = Path(path)
        self._answer = answer
        self._open: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            mask = os.umask(0o117)
            try:
                self._socket.bind(path)
            finally:
                os.umask(mask)
        except OSError as error:
            self._socket.close()
            raise LinkError(f"socket: {path}: {error.strerror}") from error

    async def serve(self) -> None:
        """Begin to take connections on the running loop."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(self._connection, sock=self._socket)

    def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()
        self._socket.close()
        for connection in tuple(self._open):
            connection.hang_up()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _connection(self) -> _Connection:
        return _Connection(self._open, self._answer)


class _Connection(asyncio.Protocol):
    """One asker. What it has sent, and what it has not read, is bounded."""

    def __init__(self, others: set[_Connection], answer: Callable[[Request], Reply]) -> None:
        self._others = others
        self._answer = answer
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._others.add(self)
        if len(self._others) > CONNECTIONS_MAX:
            self.hang_up()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._others.discard(self)

    def data_received(self, data: bytes) -> None:
        self._frames.feed(data)
        self._drain()

    def hang_up(self) -> None:
        """Close at once; answers not read yet are lost."""
        if self._transport is not None:
            self._transport.abort()

    def _drain(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        try:
            replies, more = self._replies()
        except FrameError:
            self.hang_up()
            return
        self._transport.write(b"".join(replies))
        if self._transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            self.hang_up()
        elif more:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._drain)
        else:
            self._transport.resume_reading()

    def _replies(self) -> tuple[list[bytes], bool]:
        """Return the answers to what came, and whether there may be more to answer."""
        replies: list[bytes] = []
        work = 0
        while work < DRAIN_MAX:
            body = self._frames.next()
            if body is None:
                return replies, False
            work += 1
            try:
                request = unpack(body, Request)
            except FrameError:
                replies.append(_BAD_REQUEST)
                continue
            work += len(request.txs)
            reply = self._answer(request)
            replies.append(pack(reply if request.ref is None else {**reply, "ref": request.ref}))
        return replies, True


def ask(socket_path: str, op: str, timeout_s: float = TIMEOUT_S, **about: object) -> dict[str, Any]:
    """Return the node's answer to op, asked with the other fields of a Request.

    Raises:
        QueryError: nobody answers in time.
    """
    until = time.monotonic() + timeout_s
    frames = Frames()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(timeout_s)
            link.connect(socket_path)
            link.sendall(pack({"op": op, **about}))
            while (body := frames.next()) is None:
                link.settimeout(max(0.001, until - time.monotonic()))
                data = link.recv(1 << 16)
                if not data:
                    raise ConnectionError("hung up")
                frames.feed(data)
        return unpack(body, dict[str, Any])
    except (OSError, FrameError) as error:
        raise QueryError(f"{socket_path}: no node answers; is it running?") from error
