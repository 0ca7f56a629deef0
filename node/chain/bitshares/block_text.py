"""BitShares blocks as graphene's APIs print them, with the names EOSIO has for what both have.

id, block_num and ref_block_prefix are told beside what is packed, and the producer by name.
harness/inspect reads it back.
"""

import dataclasses
from typing import Any

from node.chain.bitshares.announcement import ACTIVE, KEYS, PARAMETERS, Decided
from node.chain.bitshares.header import PREFIX_AT, BlockHeader
from node.chain.bitshares.transactions import UNIT, BitsharesTransactions
from node.chain.bitshares.words.reveal import Reveal
from node.chain.bitshares.words.words import NO_SUPPORT, REVEAL, SUPPORT
from node.chain.encoding.text import key_text, second_text
from node.chain.model.block import SignedBlock
from node.chain.model.transaction import Transaction, reference

WITNESS_IDS = "1.6."
"""How the object ids of witnesses begin."""


def block_text(block: SignedBlock, form: BitsharesTransactions) -> dict[str, Any]:
    """Return the block's fields as JSON has them."""
    header = block.header
    assert isinstance(header, BlockHeader)
    return {
        "previous": header.previous.hex(),
        "timestamp": second_text(header.timestamp_s),
        "witness": f"{WITNESS_IDS}{header.witness}",
        "producer": header.producer,
        "transaction_merkle_root": header.transaction_mroot.hex(),
        "extensions": extensions_text(header),
        "witness_signature": block.signature.hex(),
        "transactions": [_transaction(transaction, form) for transaction in block.transactions],
        "id": block.id.hex(),
        "block_num": block.num,
        "ref_block_prefix": reference(block.id, PREFIX_AT)[1],
    }


def extensions_text(header: BlockHeader) -> list[list[object]]:
    """Return header extensions as graphene prints such: each its number and what it says."""
    announced, reveal = header.announced or Decided(), header.words.reveal
    support = header.words.support
    keys = [[f"{WITNESS_IDS}{number}", key_text(key, UNIT)] for number, key in announced.keys]
    parameters = announced.parameters
    parts: dict[int, object] = {
        ACTIVE: [f"{WITNESS_IDS}{number}" for number in announced.active],
        KEYS: keys,
        PARAMETERS: None if parameters is None else dataclasses.asdict(parameters),
        REVEAL: None if reveal is None else _reveal(reveal),
        SUPPORT: None if support == NO_SUPPORT else dataclasses.asdict(support),
    }
    return [[number, said] for number, said in parts.items() if said]


def _reveal(reveal: Reveal) -> dict[str, object]:
    """A reveal, by the names that BitShares 0.x has."""
    secret, promised = reveal.previous_secret.hex(), reveal.next_hash.hex()
    return {"previous_secret": secret, "next_secret_hash": promised}


def _transaction(transaction: Transaction, form: BitsharesTransactions) -> dict[str, object]:
    header = transaction.header
    return {
        "id": transaction.id.hex(),
        "ref_block_num": header.ref_block_num,
        "ref_block_prefix": header.ref_block_prefix,
        "expiration": second_text(header.expiration_s),
        "operations": [form.operation_text(operation) for operation in transaction.operations],
        "extensions": [],
        "signatures": [signature.hex() for signature in transaction.signatures],
        "operation_results": [],
    }
