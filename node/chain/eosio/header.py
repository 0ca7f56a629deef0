"""EOSIO/FIO block headers: the fields, upstream's bytes of them, and the id they give."""

import struct
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from node.chain.encoding.name import name_to_u64
from node.chain.encoding.pack import pack_bytes, pack_varuint
from node.chain.model.schedule import ProducerSchedule

ZERO_ID = bytes(32)
U32_SLOTS = 1 << 32
PREFIX_AT = 8
"""Where in an id the bytes of ref_block_prefix begin."""
Extensions = tuple[tuple[int, bytes], ...]
_NO_EXTENSIONS = pack_varuint(0)


@dataclass(frozen=True, kw_only=True)
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
    extensions: Extensions = ()

    @property
    def num(self) -> int:
        """Return the block's number: the parent's, which its id begins with, plus 1."""
        return int.from_bytes(self.previous[:4], "big") + 1

    @cached_property
    def packed(self) -> bytes:
        """Return upstream's bytes of the header.

        A slot beyond u32, only reachable with slots shorter than upstream's 500 ms, takes 8 bytes.
        """
        slot = struct.pack("<I" if self.slot < U32_SLOTS else "<Q", self.slot)
        new = self.new_producers
        schedule = b"\x00" if new is None else b"\x01" + new.pack()
        return b"".join(
            (
                slot,
                struct.pack("<QH", name_to_u64(self.producer), self.confirmed),
                self.previous,
                self.transaction_mroot,
                self.action_mroot,
                struct.pack("<I", self.schedule_version),
                schedule,
                pack_extensions(self.extensions),
            )
        )

    def digest(self) -> bytes:
        """Return the hash of the packed header."""
        return sha256(self.packed).digest()

    def packed_for_id(self, signature: bytes) -> bytes:
        """Return the bytes the id is made of: the header's; the signature plays no part."""
        return self.packed

    def block_id(self, signature: bytes) -> bytes:
        """Return the id of the block with this header."""
        return block_id(self.num, self.digest())


def pack_extensions(extensions: Extensions) -> bytes:
    """Return packed (id, data) pairs behind their number."""
    if not extensions:
        return _NO_EXTENSIONS
    packed = (struct.pack("<H", kind) + pack_bytes(data) for kind, data in extensions)
    return pack_varuint(len(extensions)) + b"".join(packed)


def block_id(num: int, header_digest: bytes) -> bytes:
    """Return a block's id: its number in 4 bytes, then the header's digest from byte 4 on."""
    return struct.pack(">I", num) + header_digest[4:]
