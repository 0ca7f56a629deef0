"""EOSIO/FIO blocks as public APIs print them (get_block): the fields of the FIO document.

id, block_num and ref_block_prefix are told beside what is packed. harness/inspect reads it back.
"""

from typing import Any

from node.chain.encoding.text import second_text, signature_text, time_text
from node.chain.eosio.header import PREFIX_AT, BlockHeader, Extensions
from node.chain.eosio.roots import net_usage_words
from node.chain.eosio.transactions import action_text, producers_text
from node.chain.model.block import SignedBlock
from node.chain.model.schedule import ProducerSchedule
from node.chain.model.slot import SlotClock
from node.chain.model.transaction import Transaction, reference

STATUSES = ("executed", "soft_fail", "hard_fail", "delayed", "expired")
"""Of receipts, by number; here all are executed."""
COMPRESSIONS = ("none", "zlib")
"""Of packed transactions, by number; here none is."""


def block_text(block: SignedBlock, clock: SlotClock) -> dict[str, Any]:
    """Return the block's fields as JSON has them."""
    header = block.header
    assert isinstance(header, BlockHeader)
    return {
        "timestamp": time_text(clock.time_ns(header.slot)),
        "producer": header.producer,
        "confirmed": header.confirmed,
        "previous": header.previous.hex(),
        "transaction_mroot": header.transaction_mroot.hex(),
        "action_mroot": header.action_mroot.hex(),
        "schedule_version": header.schedule_version,
        "new_producers": _schedule(header.new_producers),
        "header_extensions": _extensions(header.extensions),
        "producer_signature": signature_text(block.signature),
        "transactions": [_receipt(transaction) for transaction in block.transactions],
        "block_extensions": _extensions(block.extensions),
        "id": block.id.hex(),
        "block_num": block.num,
        "ref_block_prefix": reference(block.id, PREFIX_AT)[1],
    }


def _schedule(schedule: ProducerSchedule | None) -> dict[str, object] | None:
    if schedule is None:
        return None
    return {"version": schedule.version, "producers": producers_text(schedule.producers)}


def _extensions(extensions: Extensions) -> list[object]:
    return [[kind, data.hex()] for kind, data in extensions]


def _receipt(transaction: Transaction) -> dict[str, object]:
    """The receipt that transaction_mroot has a leaf of."""
    return {
        "status": STATUSES[0],
        "cpu_usage_us": transaction.cost_us,
        "net_usage_words": net_usage_words(transaction),
        "trx": {
            "id": transaction.id.hex(),
            "signatures": [signature_text(signature) for signature in transaction.signatures],
            "compression": COMPRESSIONS[0],
            "packed_context_free_data": "",
            "context_free_data": [],
            "packed_trx": transaction.body.hex(),
            "transaction": _unpacked(transaction),
        },
    }


def _unpacked(transaction: Transaction) -> dict[str, object]:
    header = transaction.header
    return {
        "expiration": second_text(header.expiration_s),
        "ref_block_num": header.ref_block_num,
        "ref_block_prefix": header.ref_block_prefix,
        "max_net_usage_words": 0,
        "max_cpu_usage_ms": 0,
        "delay_sec": 0,
        "context_free_actions": [],
        "actions": [action_text(operation) for operation in transaction.operations],
        "transaction_extensions": [],
    }
