"""BitShares block headers: the fields, graphene's bytes of them, ids that cover the signature."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import new as new_hash
from hashlib import sha224, sha256

from node.chain.bitshares.announcement import NONE, Decided, pack_extensions
from node.chain.bitshares.words.words import SILENT, Words
from node.chain.encoding.pack import pack_varuint
from node.chain.model.transaction import Transaction

ID_BYTES = 20
ZERO_ID = bytes(ID_BYTES)
"""What block 1 has as previous: there is no genesis block."""
PREFIX_AT = 4
"""Where in an id the bytes of ref_block_prefix begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHeader:
    """A header. producer and slot are what the genesis makes of witness and timestamp_s.

    witness: the number N of the object id 1.6.N; producer "" for a witness nobody knows. announced:
    what its block changes that headers need; words: what its witness says; both in the extensions.
    """

    previous: bytes
    timestamp_s: int
    witness: int
    transaction_mroot: bytes
    producer: str
    slot: int
    announced: Decided | None = None
    words: Words = SILENT

    @property
    def num(self) -> int:
        """Return the block's number: the parent's, which its id begins with, plus 1."""
        return int.from_bytes(self.previous[:4], "big") + 1

    @property
    def confirmed(self) -> int:
        """Return 0: a block says nothing about others."""
        return 0

    def pack(self) -> bytes:
        """Return graphene's bytes of the header without its signature."""
        return b"".join(
            (
                self.previous,
                struct.pack("<I", self.timestamp_s),
                pack_varuint(self.witness),
                self.transaction_mroot,
                self._extensions(),
            )
        )

    def _extensions(self) -> bytes:
        if self.announced is None and self.words is SILENT:
            return NONE
        return pack_extensions(self.announced, self.words)

    def digest(self) -> bytes:
        """Return what the witness signs."""
        return sha256(self.pack()).digest()

    def packed_for_id(self, signature: bytes) -> bytes:
        """Return the signed header's bytes: signing again gives another id."""
        return self.pack() + signature

    def block_id(self, signature: bytes) -> bytes:
        """Return the id of the block with this header and signature.

        Source: bitshares-core libraries/protocol/block.cpp, signed_block_header::id.
        """
        return block_id(self.num, self.packed_for_id(signature))


def block_id(num: int, packed_signed_header: bytes) -> bytes:
    """Return the number in 4 bytes, then bytes 4 to 19 of the signed header's sha224."""
    return struct.pack(">I", num) + sha224(packed_signed_header).digest()[4:ID_BYTES]


def transaction_mroot(transactions: Sequence[Transaction]) -> bytes:
    """Return the root over a block's transactions, 20 bytes; zeros for none.

    Pairs are hashed without marks, an odd one is carried up unhashed. The operation results in the
    leaf are defined as empty: producers write them so and validators never compare them.

    Source: bitshares-core libraries/protocol/block.cpp, calculate_merkle_root.
    """
    return merkle_root([leaf(transaction) for transaction in transactions])


def leaf(transaction: Transaction) -> bytes:
    """Return the digest of the processed transaction: body, signatures, no results."""
    count = pack_varuint(len(transaction.signatures))
    return sha256(transaction.body + count + b"".join(transaction.signatures) + b"\x00").digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return ripemd160 of the last digest that pairing leaves; zeros for none."""
    if not leaves:
        return ZERO_ID
    level = list(leaves)
    while len(level) > 1:
        pairs = [sha256(level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return new_hash("ripemd160", level[0]).digest()
