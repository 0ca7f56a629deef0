"""A network between node processes that can be cut: one TCP proxy for each directed pair of hosts.

A cut pair forwards nothing and answers nothing, as behind a firewall that drops: bytes wait, and
connections that were open stay open on both sides until somebody takes them for silent.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

CHUNK_BYTES = 64 * 1024


@dataclass
class Network:
    """Runs the proxies on a thread of its own; ports maps (from, to) to the port to connect to."""

    ports: dict[tuple[str, str], int] = field(default_factory=dict)
    _cut: set[tuple[str, str]] = field(default_factory=set)
    _servers: list[asyncio.Server] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._changed = asyncio.Event()

    def connect(self, source: str, target: str, port: int) -> int:
        """Return the port on which source reaches target's port."""
        served = asyncio.run_coroutine_threadsafe(self._serve((source, target), port), self._loop)
        self.ports[source, target] = served.result(5)
        return self.ports[source, target]

    def split(self, one: Iterable[str], other: Iterable[str]) -> None:
        """Cut every pair across the two groups, both ways."""
        across = {(a, b) for a in one for b in other}
        self._set(across | {(b, a) for a, b in across})

    def heal(self) -> None:
        """Let everything through again."""
        self._set(set())

    def close(self) -> None:
        """End every connection, then the thread."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _set(self, cut: set[tuple[str, str]]) -> None:
        def change() -> None:
            self._cut = cut
            before, self._changed = self._changed, asyncio.Event()
            before.set()

        self._loop.call_soon_threadsafe(change)

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, pair: tuple[str, str], port: int) -> int:
        async def accept(near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
            await self._open(pair)
            try:
                far, far_out = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                near_out.close()
                return
            with suppress(asyncio.CancelledError):  # the network ends
                await asyncio.gather(
                    self._pump(pair, near, far_out), self._pump(pair, far, near_out)
                )

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _open(self, pair: tuple[str, str]) -> None:
        """Wait until the pair is not cut."""
        while pair in self._cut:
            await self._changed.wait()

    async def _pump(
        self, pair: tuple[str, str], source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        try:
            while data := await source.read(CHUNK_BYTES):
                await self._open(pair)
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()
