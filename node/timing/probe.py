"""The prober of one host: `python -m node probe CONFIG`, a unit of its own that survives the node.

Two UDP flows to every peer, and answers to theirs: `path` on the node's port (faults act on it as
on the data), `clock` on the probe port (never shaped; it aligns the hosts' clocks). Each second a
burst of 8 a peer and flow, spread over the second. A burst is written when all its answers
are here, or 2.5 s after its last probe: a path delayed by two seconds still counts as answered.
Every ten seconds it tells how the machine is.

Stamps are CLOCK_MONOTONIC_RAW in user space, next to the system calls. Datagrams from addresses
that are not a configured peer's are ignored.
"""

import asyncio
import gc
import os
import platform
import signal
import socket
import time
import uuid
import zlib
from collections.abc import Callable
from typing import Any

import msgspec

from node.config import ConfigError, NodeConfig, PeerConfig
from node.events import Started, Stopped
from node.storage.event_log import EventLog, EventLogError, boot_id, open_log
from node.timing.clock import NodeClock
from node.timing.machine import MachineWatch
from node.timing.probe_frame import (
    ANSWER_WITHIN_NS,
    APART_NS,
    BURST,
    FRAME_BYTES,
    TOKEN_BYTES,
    Burst,
    Exchange,
    Flow,
    Reply,
    Request,
    pack_reply,
    pack_request,
    unpack,
)

BURST_EACH_S = 1.0
LOOK_EACH_S = 10.0
"""So often is told how the machine is."""
_DRAIN_MAX = 64
"""Datagrams taken in one go, so that a flood cannot starve the sending."""

Address = tuple[str, int]


class FlowSocket:
    """One flow: a UDP socket that answers peers, and keeps the probes of ours that are open."""

    def __init__(self, flow: Flow, listen: Address, boot: str) -> None:
        """Listen there.

        Raises:
            ConfigError: listen cannot be bound.
        """
        self.flow: Flow = flow
        self._boot = uuid.UUID(boot).bytes
        self._known: set[str] = set()
        self._open: dict[bytes, tuple[Burst, int, Address]] = {}
        family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.bind(listen)
        except OSError as error:
            self._socket.close()
            raise ConfigError(
                f"listen {listen[0]}, UDP port {listen[1]} ({flow} probes): {error.strerror}; "
                "free it or choose another port"
            ) from error

    def fileno(self) -> int:
        """Return the descriptor to watch for reading."""
        return self._socket.fileno()

    def accept(self, address: str) -> None:
        """Answer and listen to datagrams from address from now on."""
        self._known.add(address)

    def send(self, burst: Burst, target: Address) -> None:
        """Send the next probe of burst; one that cannot be sent counts as lost."""
        token = os.urandom(TOKEN_BYTES)
        frame = pack_request(token)
        index = len(burst.t1s_ns)
        self._open[token] = burst, index, target
        burst.t1s_ns.append(_mono_ns())
        try:
            self._socket.sendto(frame, target)
        except OSError:
            del self._open[token]

    def drain(self) -> list[Burst]:
        """Take what has arrived, answer requests, and return bursts that got their last answer."""
        completed: list[Burst] = []
        for _ in range(_DRAIN_MAX):
            try:
                data, sender = self._socket.recvfrom(FRAME_BYTES + 1)
            except OSError:
                break
            now_ns = _mono_ns()
            if sender[0] not in self._known:
                continue
            match unpack(data):
                case Request(token):
                    self._answer(token, now_ns, sender)
                case Reply() as reply:
                    completed.extend(self._settle(reply, now_ns, sender))
        return completed

    def forget(self, burst: Burst) -> None:
        """Close the probes of burst that are still open; answers to them no longer count."""
        self._open = {token: entry for token, entry in self._open.items() if entry[0] is not burst}

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _answer(self, token: bytes, received_ns: int, sender: Any) -> None:
        try:
            self._socket.sendto(pack_reply(token, received_ns, _mono_ns(), self._boot), sender)
        except OSError:
            return

    def _settle(self, reply: Reply, now_ns: int, sender: Any) -> list[Burst]:
        burst, index, target = self._open.get(reply.token, (None, 0, None))
        if burst is None or sender[:2] != target:
            return []
        del self._open[reply.token]
        burst.answers[index] = Exchange(
            t1_ns=burst.t1s_ns[index],
            t2_ns=reply.t2_ns,
            t3_ns=reply.t3_ns,
            t4_ns=now_ns,
            boot=str(uuid.UUID(bytes=reply.boot)),
        )
        return [burst] if burst.complete else []


class Prober:
    """Sends the bursts of one host on time and writes what became of them."""

    def __init__(self, flows: list[FlowSocket], log: EventLog) -> None:
        self._flows = flows
        self._log = log
        self._tasks: list[asyncio.Task[None]] = []
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why the probing is over: a signal's name, or the error that ended it."""

    async def start(self, host: str, peers: list[PeerConfig]) -> None:
        """Begin to answer and to probe every peer on every flow. Raises ConfigError."""
        loop = asyncio.get_running_loop()
        begin_s = loop.time() + zlib.crc32(host.encode()) % 1000 / 1000
        lanes = max(1, len(peers) * len(self._flows))
        for number, flow in enumerate(self._flows):
            for position, peer in enumerate(peers):
                target = await _resolve(peer, _port(peer, flow.flow))
                flow.accept(target[0])
                lane = position * len(self._flows) + number
                at_s = begin_s + BURST_EACH_S * lane / lanes
                self._tasks.append(loop.create_task(self._probe(flow, peer.host, target, at_s)))
            loop.add_reader(flow.fileno(), self._readable, flow)
        self._tasks.append(loop.create_task(self._look(begin_s)))

    def stop(self, reason: str) -> None:
        """End in order; bursts that still wait for answers are not written."""
        if not self.ended.done():
            self.ended.set_result(reason)

    async def close(self) -> None:
        """Stop sending and listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for flow in self._flows:
            asyncio.get_running_loop().remove_reader(flow.fileno())

    async def _probe(self, flow: FlowSocket, peer: str, target: Address, at_s: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(at_s - loop.time())
            burst = Burst(peer, flow.flow)
            for _ in range(BURST):
                flow.send(burst, target)
                await asyncio.sleep(APART_NS / 1e9)
            loop.call_later(ANSWER_WITHIN_NS / 1e9, self._write, flow, burst)
            at_s += BURST_EACH_S * max(1, -(-(loop.time() - at_s) // BURST_EACH_S))

    async def _look(self, at_s: float) -> None:
        """Tell how the machine is, again and again."""
        loop, machine = asyncio.get_running_loop(), MachineWatch()
        while True:
            await asyncio.sleep(at_s - loop.time())
            self._tell(machine.look())
            at_s = loop.time() + LOOK_EACH_S

    def _readable(self, flow: FlowSocket) -> None:
        for burst in flow.drain():
            self._write(flow, burst)

    def _write(self, flow: FlowSocket, burst: Burst) -> None:
        """Write burst, once."""
        if burst.written:
            return
        burst.written = True
        flow.forget(burst)
        self._tell(burst.record())

    def _tell(self, record: msgspec.Struct) -> None:
        if self.ended.done():
            return
        try:
            self._log.write(record)
            self._log.flush()
        except EventLogError as error:
            self.ended.set_exception(error)


async def run_probe(config: NodeConfig, ready: Callable[[], None]) -> None:
    """Probe until SIGTERM or SIGINT; call ready once every peer is probed.

    Raises:
        ConfigError: a port is taken, or a peer's address cannot be resolved.
        EventLogError: the event file cannot be written.
    """
    boot = boot_id()
    log = open_log(config, "probe", NodeClock(config.clock.skew_file))
    flows: list[FlowSocket] = []
    try:
        flows.append(FlowSocket("clock", (config.listen, config.probe_port), boot))
        flows.append(FlowSocket("path", (config.listen, config.node_port), boot))
        prober = Prober(flows, log)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, prober.stop, signal.Signals(number).name)
        log.write(Started(software="slotlab", python=platform.python_version(), role="probe"))
        log.flush()
        try:
            await prober.start(config.host, config.peers)
            gc.freeze()
            ready()
            log.write(Stopped(reason=await prober.ended))
        finally:
            await prober.close()
    finally:
        for flow in flows:
            flow.close()
        log.close()


def _port(peer: PeerConfig, flow: Flow) -> int:
    return peer.probe_port if flow == "clock" else peer.node_port


async def _resolve(peer: PeerConfig, port: int) -> Address:
    """Return the numeric address and port to probe peer at."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(peer.address, port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise ConfigError(f"peers: {peer.host}: address {peer.address!r}: {error}") from error
    return str(found[0][4][0]), port


def _mono_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
