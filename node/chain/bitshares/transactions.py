"""BitShares transactions as graphene packs them: tie to a branch, operations, no extensions."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from node.chain.bitshares.contracts.committee.parameter_changes import (
    UPDATE_PARAMETERS,
    ParameterChanges,
)
from node.chain.bitshares.contracts.operations import OPERATIONS
from node.chain.bitshares.contracts.transfer import Transfer
from node.chain.bitshares.contracts.voting.kinds import voting_kinds
from node.chain.bitshares.header import ID_BYTES, PREFIX_AT
from node.chain.bitshares.rules import names_of
from node.chain.encoding.crypto import KEY_BYTES
from node.chain.encoding.fields import MAX_BLOB_BYTES, PLAIN, Layout, fixed, layout_of
from node.chain.encoding.pack import DecodeError, Reader, expect, pack_bytes, pack_varuint
from node.chain.encoding.text import key_text
from node.chain.genesis import Genesis
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.codec import MAX_OPERATIONS
from node.chain.model.errors import GenesisError
from node.chain.model.operation import Operation
from node.chain.model.schedule import ProducerKey, pack_producers, read_producers
from node.chain.model.transaction import TransactionHeader

FIRST_ACCOUNT = 6
"""Accounts 1.2.0 to 1.2.5 are graphene's own; the genesis' are 1.2.6, 1.2.7, … by name."""
UNIT = "BTS"
"""How public keys begin."""
_ACCOUNT_OBJECT = "1.2."
_TIE = struct.Struct("<HII")
"""Reference and expiration."""
_CORE_ASSET = b"\x00"
_NOTHING = b"\x00"
_PLAIN_MEMO = b"\x01" + bytes(2 * KEY_BYTES + 8)
"""A memo that nobody encrypted: keys and nonce of zeros."""
_CHECKSUM = bytes(4)


@dataclass(frozen=True, slots=True)
class BitsharesTransactions:
    """Fills `TransactionFormat` of the seam; layouts: of each operation, by its number."""

    layouts: Mapping[int, Layout]
    prefix_at: int = PREFIX_AT

    @staticmethod
    def of(genesis: Genesis) -> BitsharesTransactions:
        """Return the format of a chain: the genesis says which account has which number.

        Raises:
            GenesisError: an account is named as the ids are that stand for unknown ones.
        """
        names = sorted(account.name for account in genesis.accounts)
        for name in names:
            if name.startswith(_ACCOUNT_OBJECT):
                raise GenesisError(f"accounts: {name} is the id of an object; name it otherwise")
        kinds = _kinds(names)
        kinds |= voting_kinds(names_of(genesis), kinds, UNIT)
        return BitsharesTransactions({op.NUMBER: _layout(op, kinds) for op in OPERATIONS})

    def pack(self, header: TransactionHeader, operations: Sequence[Operation]) -> bytes:
        """Return the body.

        Source: bitshares-core libraries/protocol/include/graphene/protocol/transaction.hpp.
        """
        tie = _TIE.pack(header.ref_block_num, header.ref_block_prefix, header.expiration_s)
        packed = b"".join([self._pack_operation(operation) for operation in operations])
        return tie + pack_varuint(len(operations)) + packed + _NOTHING

    def read(self, body: bytes) -> tuple[TransactionHeader, tuple[Operation, ...]]:
        """Return what a body says.

        Raises:
            DecodeError: malformed, or something that this chain has no operation for.
        """
        reader = Reader(body)
        num, prefix, expiration_s = reader.fixed(_TIE)
        count = reader.count(most=MAX_OPERATIONS)
        if count == 0:
            raise DecodeError("one operation is needed")
        operations = tuple([self._read_operation(reader) for _ in range(count)])
        if reader.rest() != _NOTHING:
            raise DecodeError("transaction extensions are not known here")
        return TransactionHeader(expiration_s, num, prefix), operations

    def id_of(self, body: bytes) -> bytes:
        """Return the transaction's id, 20 bytes."""
        return sha256(body).digest()[:ID_BYTES]

    def signing_digest(self, chain_id: bytes, body: bytes) -> bytes:
        """Return what is signed."""
        return sha256(chain_id + body).digest()

    def transfer(self, sender: str, recipient: str, amount: int, memo: bytes) -> Operation:
        """Return the operation that moves units of the core asset."""
        return Transfer(sender=sender, recipient=recipient, amount=amount, memo=memo)

    def size_of(self, operation: Operation) -> int:
        """Return how many bytes an operation has in a transaction, its number included."""
        return len(self._pack_operation(operation))

    def operation_text(self, operation: Any) -> list[object]:
        """Return an operation as graphene prints it: its number and its fields."""
        number: int = operation.NUMBER
        return [number, self.layouts[number].show(operation)]

    def _pack_operation(self, operation: Any) -> bytes:
        number: int = operation.NUMBER
        return pack_varuint(number) + self.layouts[number].write(operation)

    def _read_operation(self, reader: Reader) -> Operation:
        layout = self.layouts.get(reader.varuint())
        if layout is None:
            raise DecodeError("unknown operation")
        operation: Operation = layout.read(reader)
        return operation


def _layout(operation: type[Any], kinds: Mapping[str, Layout]) -> Layout:
    """How an operation is packed: as its fields say, or as its WIRE, the struct of its bytes."""
    wire = getattr(operation, "WIRE", None)
    if wire is None:
        return layout_of(operation, kinds)
    inner = layout_of(wire, kinds)
    return Layout(
        lambda one: inner.write(one.wire()),
        lambda reader: operation.of_wire(inner.read(reader)),
        lambda one: inner.show(one.wire()),
    )


def _kinds(names: Sequence[str]) -> dict[str, Layout]:
    """How fields of operations are packed on a chain with accounts of these names."""
    numbers = {name: FIRST_ACCOUNT + i for i, name in enumerate(names)}

    def write_account(name: str) -> bytes:
        # An account that the genesis does not know has no other name than its object's.
        return pack_varuint(numbers.get(name) or int(name.removeprefix(_ACCOUNT_OBJECT)))

    def read_account(reader: Reader) -> str:
        number = reader.varuint()
        known = 0 <= number - FIRST_ACCOUNT < len(names)
        return names[number - FIRST_ACCOUNT] if known else f"{_ACCOUNT_OBJECT}{number}"

    kinds = {
        **PLAIN,
        "account": Layout(write_account, read_account),
        "amount": fixed(
            "9s", lambda amount: struct.pack("<q", amount) + _CORE_ASSET, _amount, _show_amount
        ),
        "producers": Layout(pack_producers, read_producers, _show_witnesses),
        "memo": Layout(_pack_memo, _read_memo, bytes.hex),
        "extensions": Layout(lambda _: _NOTHING, _read_no_extensions, lambda _: []),
    }
    return kinds | {"proposed": _proposed(layout_of(ParameterChanges, kinds))}


def _proposed(changes: Layout) -> Layout:
    """How the only operation of a proposal is packed, as in a list of such; its fee is nothing."""
    head = pack_varuint(1) + pack_varuint(UPDATE_PARAMETERS) + bytes(8) + _CORE_ASSET

    def read(reader: Reader) -> Any:
        expect(reader, head, "a proposal has one operation, which changes parameters")
        return changes.read(reader)

    return Layout(
        lambda proposed: head + changes.write(proposed),
        read,
        lambda proposed: [[UPDATE_PARAMETERS, changes.show(proposed)]],
    )


def _show_witnesses(witnesses: Sequence[ProducerKey]) -> list[object]:
    return [{"name": one.name, "signing_key": key_text(one.key, UNIT)} for one in witnesses]


def _show_amount(amount: int) -> dict[str, object]:
    return {"amount": amount, "asset_id": "1.3.0"}


def _amount(packed: bytes) -> int:
    amount = int.from_bytes(packed[:8], "little", signed=True)
    if not 0 <= amount <= MAX_AMOUNT:
        raise DecodeError(f"amount {amount} is out of range")
    if packed[8:] != _CORE_ASSET:
        raise DecodeError("unknown asset")
    return amount


def _pack_memo(memo: bytes) -> bytes:
    return _PLAIN_MEMO + pack_bytes(_CHECKSUM + memo) if memo else _NOTHING


def _read_memo(reader: Reader) -> bytes:
    flag = reader.take(1)
    if flag == _NOTHING:
        return b""
    if flag != b"\x01":
        raise DecodeError("bad optional flag")
    expect(reader, _PLAIN_MEMO[1:], "encrypted memos are not known here")
    message = reader.var_bytes(most=len(_CHECKSUM) + MAX_BLOB_BYTES)
    if len(message) <= len(_CHECKSUM) or not message.startswith(_CHECKSUM):
        raise DecodeError("malformed memo")
    return message[len(_CHECKSUM) :]


def _read_no_extensions(reader: Reader) -> None:
    expect(reader, _NOTHING, "extensions of operations are not known here")
