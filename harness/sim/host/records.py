"""Where events go: into the same lines that real nodes write, into memory, or nowhere."""

from typing import Protocol
from uuid import UUID

import msgspec

from harness.sim.host.clock import HostClock
from harness.sim.host.engine import stream
from node import events

ROLES = ("node", "probe", "client")


class Sink(Protocol):
    """Takes one event: true time, host, role (node, probe, client), the host's clock, what."""

    def write(
        self, now_ns: int, host: str, role: str, clock: HostClock, record: msgspec.Struct
    ) -> None:
        """Take one event."""


class Lines:
    """Writes event lines by host and role, byte for byte as a node's event log would."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._files: dict[tuple[str, str], bytearray] = {}
        self._heads: dict[tuple[str, str], bytes] = {}
        self._seqs: dict[tuple[str, str], int] = {}

    def write(
        self, now_ns: int, host: str, role: str, clock: HostClock, record: msgspec.Struct
    ) -> None:
        """Take one event."""
        key = host, role
        head = self._heads.get(key)
        if head is None:
            head = self._open(key)
        seq = self._seqs[key]
        self._seqs[key] = seq + 1
        wall_ns, mono_ns = clock.wall_ns(now_ns), clock.mono_ns(now_ns)
        self._files[key] += events.line_of(head, seq, wall_ns, mono_ns, record)

    def take(self, host: str) -> bytes:
        """Return the host's lines, node, probe and client, one after the other; forget them."""
        return b"".join([self._files.pop((host, role), b"") for role in ROLES])

    def _open(self, key: tuple[str, str]) -> bytes:
        host, role = key
        node = host if role == "node" else f"{host}.{role}"
        head = events.line_head(host=host, node=node, boot=boot_id(self._seed, host))
        self._files[key], self._seqs[key], self._heads[key] = bytearray(), 0, head
        return head


def boot_id(seed: int, host: str) -> str:
    """Return the boot id of a host, the same for the same seed."""
    return str(UUID(int=stream(seed, "boot", host).getrandbits(128), version=4))
