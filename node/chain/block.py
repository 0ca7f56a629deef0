"""Blocks: the header whose packed bytes make the id, the schedule it may carry, the whole."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from hashlib import sha256

from node.chain.crypto import pack_key
from node.chain.name import name_to_u64
from node.chain.pack import pack_bytes, pack_varuint
from node.chain.transaction import Transaction

ZERO_ID = bytes(32)
U32_SLOTS = 1 << 32


@dataclass(frozen=True, slots=True)
class ProducerKey:
    """A producer and the compressed public key its blocks must be signed with."""

    name: str
    key: bytes


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


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHeader:
    """The fields a block's id covers, in order of packing.

    confirmed: how many blocks right before this one its signer confirms; schedule_version: of the
    schedule that signs this block; new_producers: the schedule that becomes pending with it.
    """

    slot: int
    producer: str
    confirmed: int
    previous: bytes
    transaction_mroot: bytes
    action_mroot: bytes
    schedule_version: int
    new_producers: ProducerSchedule | None = None
    extensions: tuple[tuple[int, bytes], ...] = ()

    @property
    def num(self) -> int:
        """Return the block's number: the parent's, which its id begins with, plus 1."""
        return int.from_bytes(self.previous[:4], "big") + 1

    def pack(self) -> bytes:
        """Return upstream's bytes of the header.

        A slot beyond u32, only reachable with slots shorter than upstream's 500 ms, takes 8 bytes.
        """
        slot = struct.pack("<I" if self.slot < U32_SLOTS else "<Q", self.slot)
        new = self.new_producers
        schedule = b"\x00" if new is None else b"\x01" + new.pack()
        extensions = b"".join(
            struct.pack("<H", kind) + pack_bytes(x) for kind, x in self.extensions
        )
        return b"".join(
            (
                slot,
                struct.pack("<QH", name_to_u64(self.producer), self.confirmed),
                self.previous,
                self.transaction_mroot,
                self.action_mroot,
                struct.pack("<I", self.schedule_version),
                schedule,
                pack_varuint(len(self.extensions)),
                extensions,
            )
        )

    def digest(self) -> bytes:
        """Return the hash of the packed header."""
        return sha256(self.pack()).digest()


def block_id(num: int, header_digest: bytes) -> bytes:
    """Return a block's id: its number in 4 bytes, then the header's digest from byte 4 on."""
    return struct.pack(">I", num) + header_digest[4:]


@dataclass(frozen=True, slots=True)
class SignedBlock:
    """A block as peers send and stores keep it. The id does not cover the signature."""

    header: BlockHeader
    signature: bytes
    transactions: tuple[Transaction, ...] = ()
    header_digest: bytes = field(init=False, repr=False)
    num: int = field(init=False)
    id: bytes = field(init=False)

    def __post_init__(self) -> None:
        digest, num = self.header.digest(), self.header.num
        object.__setattr__(self, "header_digest", digest)
        object.__setattr__(self, "num", num)
        object.__setattr__(self, "id", block_id(num, digest))

    @property
    def slot(self) -> int:
        """Return the slot the block was signed for."""
        return self.header.slot

    @property
    def producer(self) -> str:
        """Return the name of the producer that claims the block."""
        return self.header.producer

    @property
    def previous(self) -> bytes:
        """Return the parent's id."""
        return self.header.previous
