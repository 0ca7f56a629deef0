"""Producers and the order of their turns: the part of a schedule that both systems know."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import sha256

from node.chain.encoding.crypto import pack_key
from node.chain.encoding.name import name_to_u64
from node.chain.encoding.pack import pack_varuint


@dataclass(frozen=True, slots=True)
class ProducerKey:
    """A producer and the compressed public key its blocks must be signed with."""

    name: str
    key: bytes


MAX_PRODUCERS = 125
NOBODY = ProducerKey("", b"")
"""Answer for a slot in which no producer may sign a child."""


@dataclass(frozen=True, slots=True)
class ProducerSchedule:
    """Who produces, in order of turns. Alphabetical: whoever builds one sorts it."""

    version: int
    producers: tuple[ProducerKey, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the producers' names in order of turns."""
        return tuple(producer.name for producer in self.producers)

    def pack(self) -> bytes:
        """Return the packed schedule, as headers carry and hash it."""
        packed = b"".join(
            struct.pack("<Q", name_to_u64(p.name)) + pack_key(p.key) for p in self.producers
        )
        return struct.pack("<I", self.version) + pack_varuint(len(self.producers)) + packed

    def digest(self) -> bytes:
        """Return the hash that enters signatures while this schedule is the latest pending one."""
        return sha256(self.pack()).digest()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A schedule that was proposed in block_num and waits for that block to be irreversible."""

    block_num: int
    schedule: ProducerSchedule
