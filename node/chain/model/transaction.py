"""Signed transactions: a header that ties them to a branch, operations, signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec
from coincurve import PrivateKey

from node.chain.encoding.crypto import pack_signature, sign
from node.chain.encoding.pack import pack_bytes, pack_varuint
from node.chain.model.errors import Reason
from node.chain.model.operation import Operation


# No circle can lead through them, so the collector need not look at them.
class TransactionHeader(msgspec.Struct, frozen=True, gc=False):
    """Until when a transaction may be executed (unix) and on which branches (TaPoS).

    ref_block_num and ref_block_prefix: the low 16 bits of a block's number and 4 bytes of its id,
    little endian (EOSIO: 8..11, BitShares: 4..7).
    """

    expiration_s: int
    ref_block_num: int
    ref_block_prefix: int


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """What it says, the packed body, who signed it; no id covers the signatures.

    raw: on the wire, the body behind its length and the signatures behind their number;
    expiration_s: the last second (unix) in which it may be executed; cost_us: what it counts
    against the processing window of a block; size_bytes: on the wire; room_bytes: in a block, with
    what it may make the header say; authorities: whose keys must have signed, by operation;
    accounts: those that must exist; fault: what is wrong with it whatever the state.
    """

    header: TransactionHeader
    operations: tuple[Operation, ...]
    body: bytes
    signatures: tuple[bytes, ...]
    id: bytes
    raw: bytes
    expiration_s: int
    cost_us: int
    size_bytes: int
    room_bytes: int
    authorities: tuple[str, ...]
    accounts: tuple[str, ...]
    fault: Reason | None

    @staticmethod
    def of(
        header: TransactionHeader, operations: tuple[Operation, ...], body: bytes,
        signatures: tuple[bytes, ...], txid: bytes, raw: bytes = b"",
    ) -> Transaction:  # fmt: skip
        """Return the transaction with what is asked of it again and again, all found once.

        raw: b"" where nobody has read it from the wire.
        """
        cost_us = header_bytes = 0
        authorities: list[str] = []
        accounts: list[str] = []
        fault = None
        for operation in operations:
            cost_us += operation.COST_US
            header_bytes += operation.header_bytes
            authorities.append(operation.authority)
            accounts += operation.accounts
            fault = fault or operation.fault()
        if not raw:
            packed = b"".join(map(pack_signature, signatures))
            raw = pack_bytes(body) + pack_varuint(len(signatures)) + packed
        size_bytes = len(raw)
        return Transaction(
            header, operations, body, signatures, txid, raw, header.expiration_s, cost_us,
            size_bytes, size_bytes + header_bytes, tuple(authorities), (*authorities, *accounts),
            fault,
        )  # fmt: skip

    def with_signatures(self, *signatures: bytes) -> Transaction:
        """Return the same under other signatures, which its id does not cover."""
        return Transaction.of(self.header, self.operations, self.body, signatures, self.id)


class TransactionFormat(Protocol):
    """Transactions of one consensus system as bytes: bodies, ids, what is signed."""

    @property
    def prefix_at(self) -> int:
        """Return where in a block id the bytes of ref_block_prefix are."""

    def pack(self, header: TransactionHeader, operations: Sequence[Operation]) -> bytes:
        """Return the body."""

    def read(self, body: bytes) -> tuple[TransactionHeader, tuple[Operation, ...]]:
        """Return what a body says.

        Raises:
            DecodeError: malformed, or something that this system has no operation for.
        """

    def id_of(self, body: bytes) -> bytes:
        """Return the transaction's id."""

    def signing_digest(self, chain_id: bytes, body: bytes) -> bytes:
        """Return what is signed."""

    def transfer(self, sender: str, recipient: str, amount: int, memo: bytes) -> Operation:
        """Return the operation that moves units of the core asset."""


def read_transaction(
    body: bytes, signatures: tuple[bytes, ...], form: TransactionFormat, raw: bytes = b""
) -> Transaction:
    """Return the transaction of a body and its signatures; raw: both as the wire has them.

    Raises:
        DecodeError: the body is not one.
    """
    header, operations = form.read(body)
    return Transaction.of(header, operations, body, signatures, form.id_of(body), raw)


def sign_transaction(
    form: TransactionFormat,
    header: TransactionHeader,
    operations: Sequence[Operation],
    *,
    chain_id: bytes,
    keys: Sequence[PrivateKey],
) -> Transaction:
    """Return the operations as a transaction that the keys signed for the chain chain_id."""
    body = form.pack(header, operations)
    digest = form.signing_digest(chain_id, body)
    signatures = tuple([sign(key, digest) for key in keys])
    return Transaction.of(header, tuple(operations), body, signatures, form.id_of(body))


def reference(block_id: bytes, prefix_at: int = 8) -> tuple[int, int]:
    """Return (ref_block_num, ref_block_prefix) for a transaction that refers to that block.

    The prefix is the 4 bytes of the id from prefix_at on, which is the profile's.
    """
    num = int.from_bytes(block_id[:4], "big")
    return num & 0xFFFF, int.from_bytes(block_id[prefix_at : prefix_at + 4], "little")
