"""The two roots of an EOSIO/FIO header: over what the block holds, and over what it executed."""

import struct
from collections.abc import Iterable
from hashlib import sha256

from node.chain.encoding.merkle import merkle_root
from node.chain.encoding.pack import pack_varuint
from node.chain.model.transaction import Transaction
from node.chain.profile import Executed


def transaction_mroot(transactions: Iterable[Transaction]) -> bytes:
    """Return the root over the transactions' receipts, in order."""
    return merkle_root([receipt_digest(transaction) for transaction in transactions])


def receipt_digest(transaction: Transaction) -> bytes:
    """Return the leaf of transaction_mroot: executed, cpu in us, net in words of 8 bytes."""
    # On the wire, too, the body is behind its length, and the signatures are behind their number.
    raw, body = transaction.raw, transaction.body
    end = len(pack_varuint(len(body))) + len(body)
    proofs = sha256(raw[end:] + b"\x00").digest()
    content = sha256(b"\x00" + raw[:end] + proofs).digest()
    cpu = transaction.cost_us.to_bytes(4, "little")
    words = pack_varuint(net_usage_words(transaction))
    return sha256(b"\x00" + cpu + words + content).digest()


def net_usage_words(transaction: Transaction) -> int:
    """Return what a receipt charges for the network: the body in words of 8 bytes."""
    return (len(transaction.body) + 7) // 8


def action_mroot(previous: bytes, slot: int, executed: Executed) -> bytes:
    """Return the root over what was executed; the implicit onblock action makes it never zero.

    The leaves are ours: upstream hashes action receipts with per-account sequence numbers. Over the
    state before and all facts, so that a node whose state differs finds another header.
    """
    place = previous + struct.pack("<Q", slot)
    onblock = sha256(b"onblock" + place + executed.before + executed.opening).digest()
    traces = [
        sha256(transaction_id + struct.pack("<I", position) + facts).digest()
        for position, (transaction_id, facts) in enumerate(executed.traces)
    ]
    return merkle_root([onblock, *traces])
