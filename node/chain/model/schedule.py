"""Producers and the order of their turns: the part of a schedule that both systems know."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from node.chain.encoding.crypto import KEY_BYTES, KEY_TYPE_K1, pack_key
from node.chain.encoding.name import packed_name, u64_to_name
from node.chain.encoding.pack import DecodeError, Reader, pack_varuint


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
        return struct.pack("<I", self.version) + pack_producers(self.producers)

    def digest(self) -> bytes:
        """Return the hash that enters signatures while this schedule is the latest pending one."""
        return sha256(self.pack()).digest()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A schedule that was proposed in block_num and waits for that block to be irreversible."""

    block_num: int
    schedule: ProducerSchedule


def built_on_by_half(newest: Sequence[int]) -> int:
    """Return the last block that half of the producers, rounded up, have built on.

    newest: the newest block of each on this branch, 0 for none. Source: PROTOCOL B40.
    """
    return sorted(newest)[len(newest) // 2]


def pack_producers(producers: Sequence[ProducerKey]) -> bytes:
    """Return the producers packed behind their number."""
    packed = (packed_name(p.name) + pack_key(p.key) for p in producers)
    return pack_varuint(len(producers)) + b"".join(packed)


def read_producers(reader: Reader) -> tuple[ProducerKey, ...]:
    """Return the producers that reader has next.

    Raises:
        DecodeError: too many, or not well-formed.
    """
    return tuple(_read_producer(reader) for _ in range(reader.count(most=MAX_PRODUCERS)))


def _read_producer(reader: Reader) -> ProducerKey:
    name = u64_to_name(reader.uint("<Q"))
    if reader.take(1) != KEY_TYPE_K1:
        raise DecodeError("unknown key type")
    return ProducerKey(name, reader.take(KEY_BYTES))
