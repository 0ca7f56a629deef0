"""What a block's body puts into its header, and the notices a block gives rise to."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from hashlib import sha256

from node.chain.block import SignedBlock
from node.chain.codec import block_size
from node.chain.fork_db import ForkItem
from node.chain.merkle import merkle_root
from node.chain.messages import Applied, Produced, Switched
from node.chain.transaction import Transaction


def transaction_mroot(transactions: Iterable[Transaction]) -> bytes:
    """Return the root over the transactions' receipts, in order."""
    return merkle_root([transaction.receipt_digest for transaction in transactions])


def action_mroot(previous: bytes, slot: int, transactions: Sequence[Transaction]) -> bytes:
    """Return the root over what was executed; the implicit onblock action makes it never zero.

    The leaves are ours: upstream hashes action receipts with per-account sequence numbers, which
    only contracts have.
    """
    leaves = [sha256(b"onblock" + previous + struct.pack("<Q", slot)).digest()]
    leaves.extend(
        sha256(b"transfer" + transaction.id + struct.pack("<I", position)).digest()
        for position, transaction in enumerate(transactions)
    )
    return merkle_root(leaves)


def produced(block: SignedBlock) -> Produced:
    """Return the notice of a block of our own."""
    return Produced(
        num=block.num,
        id=block.id.hex(),
        slot=block.slot,
        producer=block.producer,
        tx_count=len(block.transactions),
        size_bytes=block_size(block),
        confirmed=block.header.confirmed,
    )


def applied(block: SignedBlock, state_digest: bytes) -> Applied:
    """Return the notice of an executed block that is the head now."""
    return Applied(
        num=block.num,
        id=block.id.hex(),
        previous=block.previous.hex(),
        slot=block.slot,
        producer=block.producer,
        header=block.header.pack().hex(),
        state_digest=state_digest.hex(),
        tx_count=len(block.transactions),
    )


def switched(old: ForkItem, new: ForkItem, ancestor: ForkItem) -> Switched:
    """Return the notice of a head that moved from one branch to another."""
    return Switched(
        old=old.id.hex(),
        new=new.id.hex(),
        old_num=old.num,
        new_num=new.num,
        depth=old.num - ancestor.num,
        ancestor=ancestor.id.hex(),
        ancestor_num=ancestor.num,
    )
