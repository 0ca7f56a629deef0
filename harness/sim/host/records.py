"""Where events go: into the same lines that real nodes write, into memory, or nowhere."""

from typing import Protocol
from uuid import UUID

import msgspec
import numpy as np

from harness.sim.host.bursts import Bursts, Pair
from harness.sim.host.clock import HostClock
from harness.sim.host.engine import stream
from node import events
from node.timing.probe_frame import BURST

ROLES = ("node", "probe", "client")
_HOLE = 1 << 62


class Sink(Protocol):
    """Takes one event: true time, host, role (node, probe, client), the host's clock, what."""

    def write(
        self, now_ns: int, host: str, role: str, clock: HostClock, record: msgspec.Struct
    ) -> None:
        """Take one event."""

    def write_bursts(self, host: str, clock: HostClock, told: Bursts) -> None:
        """Take events of host's prober, of times that have passed."""


class _File:
    """Mutable: what one writer has written, and the number of its next line."""

    __slots__ = ("head", "lines", "seq")

    def __init__(self, head: bytes) -> None:
        self.head, self.lines, self.seq = head, bytearray(), 0


class Lines:
    """Writes event lines by host and role, byte for byte as a node's event log would."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._files: dict[tuple[str, str], _File] = {}
        self._probes: dict[str, list[bytes]] = {}

    def write(
        self, now_ns: int, host: str, role: str, clock: HostClock, record: msgspec.Struct
    ) -> None:
        """Take one event."""
        file = self._file(host, role)
        wall_ns, mono_ns = clock.wall_ns(now_ns), clock.mono_ns(now_ns)
        file.lines += events.line_of(file.head, file.seq, wall_ns, mono_ns, record)
        file.seq += 1

    def write_bursts(self, host: str, clock: HostClock, told: Bursts) -> None:
        """Take events of host's prober, of times that have passed."""
        if not told.complete:
            for end_ns, record in told.records():
                self.write(end_ns, host, "probe", clock, record)
            return
        file, forms = self._file(host, "probe"), self._probes.get(host)
        if forms is None:
            forms = self._probes[host] = [_form(file.head, pair) for pair in told.pairs]
        seq = np.arange(file.seq, file.seq + len(told))
        stamps = *clock.shown_ns(told.end_ns), *told.stamps_ns.T, *told.rtts_ns.T
        numbers = np.stack([seq, *stamps], axis=1).ravel().tolist()
        file.lines += b"".join([forms[pair] for pair in told.pair.tolist()]) % tuple(numbers)
        file.seq += len(told)

    def take(self, host: str) -> bytes:
        """Return the host's lines, node, probe and client, one after the other; forget them."""
        files = [self._files.pop((host, role), None) for role in ROLES]
        return b"".join([file.lines for file in files if file])

    def _file(self, host: str, role: str) -> _File:
        file = self._files.get((host, role))
        if file is not None:
            return file
        node = host if role == "node" else f"{host}.{role}"
        head = events.line_head(host=host, node=node, boot=boot_id(self._seed, host))
        file = self._files[host, role] = _File(head)
        return file


def _form(head: bytes, pair: Pair) -> bytes:
    """How lines of complete bursts to a pair read."""
    return events.line_form(head, pair.record([_HOLE] * 4, [_HOLE] * BURST), _HOLE)


def boot_id(seed: int, host: str) -> str:
    """Return the boot id of a host, the same for the same seed."""
    return str(UUID(int=stream(seed, "boot", host).getrandbits(128), version=4))
