"""EOSIO/FIO transactions as bytes: header, actions, no limits, no delay.

Each operation is one action, authorized by one `active` permission.
"""

import struct
from collections.abc import Sequence
from hashlib import sha256
from itertools import repeat
from typing import Any

from node.chain.encoding.crypto import KEY_BYTES, KEY_TYPE_K1, pack_key
from node.chain.encoding.fields import PLAIN, Layout, fixed, layout_of
from node.chain.encoding.name import packed_name, u64_to_name
from node.chain.encoding.pack import DecodeError, Reader, pack_bytes, pack_varuint
from node.chain.encoding.text import key_text
from node.chain.eosio.contracts.operations import OPERATIONS
from node.chain.eosio.contracts.transfer import Transfer
from node.chain.eosio.header import PREFIX_AT
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.codec import MAX_OPERATIONS
from node.chain.model.operation import Operation
from node.chain.model.schedule import ProducerKey, pack_producers, read_producers
from node.chain.model.transaction import TransactionHeader

DECIMALS, UNIT = 4, "EOS"
SYMBOL = bytes((DECIMALS,)) + UNIT.encode().ljust(7, b"\x00")
"""Every account's balance is in it."""
_AMOUNT = struct.Struct("<q8s")
"""Units and their symbol."""
_ACTIVE = packed_name("active")
_HEADER = struct.Struct("<IHI3scB")
"""Expiration, reference, limits and delay, how many context-free actions there are, and actions."""
_ACTION = struct.Struct("<16scQ8s")
"""Contract and action, how many authorizations there are, actor and permission."""
_NO_LIMITS_NO_DELAY = b"\x00\x00\x00"
_NO_CONTEXT_FREE_ACTIONS = b"\x00"
_NO_CONTEXT_FREE_DATA = bytes(32)
_NO_EXTENSIONS = b"\x00"


def producers_text(producers: tuple[ProducerKey, ...]) -> list[dict[str, str]]:
    """Return producers with their keys, in order of turns."""
    return [
        {"producer_name": producer.name, "block_signing_key": key_text(producer.key, UNIT)}
        for producer in producers
    ]


def quantity_text(amount: int) -> str:
    """Return an amount with its unit."""
    whole, part = divmod(amount, 10**DECIMALS)
    return f"{whole}.{part:0{DECIMALS}} {UNIT}"


def _amount(packed: bytes) -> int:
    amount, symbol = _AMOUNT.unpack(packed)
    if not 0 <= amount <= MAX_AMOUNT:
        raise DecodeError(f"amount {amount} is out of range")
    if symbol != SYMBOL:
        raise DecodeError("unknown symbol")
    units: int = amount
    return units


def _key(packed: bytes) -> bytes:
    if packed[:1] != KEY_TYPE_K1:
        raise DecodeError("unknown key type")
    return packed[1:]


KINDS = {
    **PLAIN,
    "account": fixed("Q", packed_name, u64_to_name),
    "amount": fixed("16s", lambda amount: _AMOUNT.pack(amount, SYMBOL), _amount, quantity_text),
    "key": fixed(f"{1 + KEY_BYTES}s", pack_key, _key, lambda key: key_text(key, UNIT)),
    "producers": Layout(pack_producers, read_producers, producers_text),
}
"""How fields of operations are packed."""


def _action_name(contract: str, action: str) -> bytes:
    return packed_name(contract) + packed_name(action)


_LAYOUTS: dict[type[Any], tuple[bytes, Layout]] = {
    operation: (_action_name(*operation.ACTION), layout_of(operation, KINDS))
    for operation in OPERATIONS
}
_BY_ACTION = dict(_LAYOUTS.values())


class EosioTransactions:
    """Fills `TransactionFormat` of the seam; no state.

    Source: eosio libraries/chain/include/eosio/chain/transaction.hpp (field order).
    """

    __slots__ = ()

    prefix_at = PREFIX_AT

    def pack(self, header: TransactionHeader, operations: Sequence[Operation]) -> bytes:
        """Return the body."""
        tie = header.expiration_s, header.ref_block_num, header.ref_block_prefix
        return b"".join(
            (
                struct.pack("<IHI", *tie),
                _NO_LIMITS_NO_DELAY,
                _NO_CONTEXT_FREE_ACTIONS,
                pack_varuint(len(operations)),
                *map(_pack_action, operations),
                _NO_EXTENSIONS,
            )
        )

    def read(self, body: bytes) -> tuple[TransactionHeader, tuple[Operation, ...]]:
        """Return what a body says.

        Raises:
            DecodeError: malformed, or something that this chain has no action for.
        """
        reader = Reader(body)
        *tie, limits, context_free, count = reader.fixed(_HEADER)
        if limits != _NO_LIMITS_NO_DELAY:
            raise DecodeError("limits and delay must be zero")
        if context_free != _NO_CONTEXT_FREE_ACTIONS:
            raise DecodeError("context-free actions are not known here")
        if count == 0:
            raise DecodeError("one action is needed")
        if count > MAX_OPERATIONS:
            raise DecodeError(f"count {count} is over {MAX_OPERATIONS}")
        operations = tuple(map(_read_action, repeat(reader, count)))
        if reader.rest() != _NO_EXTENSIONS:
            raise DecodeError("transaction extensions are not known here")
        return TransactionHeader(*tie), operations

    def id_of(self, body: bytes) -> bytes:
        """Return the transaction's id."""
        return sha256(body).digest()

    def signing_digest(self, chain_id: bytes, body: bytes) -> bytes:
        """Return what is signed: chain, body, and the empty context-free data."""
        return sha256(chain_id + body + _NO_CONTEXT_FREE_DATA).digest()

    def transfer(self, sender: str, recipient: str, amount: int, memo: bytes) -> Operation:
        """Return the operation that moves units of the core asset."""
        return Transfer(sender=sender, recipient=recipient, amount=amount, memo=memo)


def action_text(operation: Operation) -> dict[str, object]:
    """Return an operation as public APIs print it; a memo, which upstream has as text, in hex."""
    name, layout = _LAYOUTS[type(operation)]
    return {
        "account": u64_to_name(int.from_bytes(name[:8], "little")),
        "name": u64_to_name(int.from_bytes(name[8:], "little")),
        "authorization": [{"actor": operation.authority, "permission": "active"}],
        "data": layout.show(operation),
        "hex_data": layout.write(operation).hex(),
    }


def _pack_action(operation: Operation) -> bytes:
    name, layout = _LAYOUTS[type(operation)]
    actor = packed_name(operation.authority)
    return b"".join((name, b"\x01", actor, _ACTIVE, pack_bytes(layout.write(operation))))


def _read_action(reader: Reader) -> Operation:
    name, authorizations, actor, permission = reader.fixed(_ACTION)
    layout = _BY_ACTION.get(name)
    if layout is None:
        raise DecodeError("unknown action")
    if authorizations != b"\x01":
        raise DecodeError("one authorization is needed")
    if permission != _ACTIVE:
        raise DecodeError("the permission must be active")
    size = reader.varuint()
    end = reader.at + size
    operation: Operation = layout.read(reader)
    if reader.at != end:
        raise DecodeError(f"the action has other than {size} bytes")
    if u64_to_name(actor) != operation.authority:
        raise DecodeError("authorized by another account than the action needs")
    return operation
