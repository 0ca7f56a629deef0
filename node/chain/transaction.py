"""Signed transfers: what is signed, what is identified, what goes into a block's root."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from hashlib import sha256

from coincurve import PrivateKey

from node.chain.crypto import sign
from node.chain.name import name_to_u64
from node.chain.pack import pack_varuint

MAX_TRANSACTION_BYTES = 65_536
NO_CONTEXT_FREE_DATA = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What a transaction says: move amount from sender to recipient, until expiration_s (unix).

    ref_block_num and ref_block_prefix tie it to a branch (TaPoS): the low 16 bits of a block's
    number and 4 bytes of its id, little endian (EOSIO: 8..11, BitShares: 4..7).
    """

    expiration_s: int
    ref_block_num: int
    ref_block_prefix: int
    sender: str
    recipient: str
    amount: int
    memo: bytes = b""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transfer, its packed body and signature. The id covers the body, never the signature."""

    transfer: Transfer
    body: bytes
    signature: bytes
    id: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", sha256(self.body).digest())

    def signing_digest(self, chain_id: bytes) -> bytes:
        """Return what the sender signs: chain, body, and the empty context-free data."""
        return sha256(chain_id + self.body + NO_CONTEXT_FREE_DATA).digest()

    @property
    def size_bytes(self) -> int:
        """Return the size on the wire."""
        return len(pack_varuint(len(self.body))) + len(self.body) + 66


def pack_transfer(transfer: Transfer) -> bytes:
    """Return the body: upstream's transaction header (no limits, no delay), then our action."""
    return (
        struct.pack(
            "<IHI", transfer.expiration_s, transfer.ref_block_num, transfer.ref_block_prefix
        )
        + b"\x00\x00\x00"
        + struct.pack(
            "<QQQ", name_to_u64(transfer.sender), name_to_u64(transfer.recipient), transfer.amount
        )
        + pack_varuint(len(transfer.memo))
        + transfer.memo
    )


def sign_transfer(transfer: Transfer, *, chain_id: bytes, key: PrivateKey) -> Transaction:
    """Return the transfer as a transaction signed with key for the chain chain_id."""
    body = pack_transfer(transfer)
    digest = sha256(chain_id + body + NO_CONTEXT_FREE_DATA).digest()
    return Transaction(transfer, body, sign(key, digest))


def reference(block_id: bytes, prefix_at: int = 8) -> tuple[int, int]:
    """Return (ref_block_num, ref_block_prefix) for a transaction that refers to that block.

    The prefix is the 4 bytes of the id from prefix_at on, which is the profile's.
    """
    num = int.from_bytes(block_id[:4], "big")
    return num & 0xFFFF, int.from_bytes(block_id[prefix_at : prefix_at + 4], "little")
