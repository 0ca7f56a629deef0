"""Bytes of transactions, and what all block codecs share: total, bounded, canonical."""

import struct
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from node.chain.encoding.crypto import KEY_TYPE_K1, SIGNATURE_BYTES, pack_signature
from node.chain.encoding.pack import DecodeError, Reader, pack_varuint
from node.chain.model.block import Header, SignedBlock
from node.chain.model.slot import SlotClock
from node.chain.model.transaction import Transaction, TransactionFormat, read_transaction

MAX_BODY_BYTES = 65_536
MAX_OPERATIONS = 16
MAX_SIGNATURES = 16
MAX_BLOCK_BYTES = 16 * 1024 * 1024
MAX_BLOCK_TRANSACTIONS = 262_144
BURST_BYTES_MIN = 1 << 20
PACKED_SIGNATURE_BYTES = 1 + SIGNATURE_BYTES
"""Its type and itself."""
_SIGNATURES = [struct.Struct(f"<{f'c{SIGNATURE_BYTES}s' * n}") for n in range(MAX_SIGNATURES + 1)]
"""So many of them, with their types."""

Known: TypeAlias = Callable[[bytes], Transaction | None]
"""Returns the transaction of an id where that was read before, so that it need not be again."""


def nothing(_: bytes) -> Transaction | None:
    """Return None: no transaction is known."""
    return None


def burst_bytes_max(max_block_bytes: int) -> int:
    """Return how many bytes a peer is sent at once, in an answer of blocks or in an offer.

    max_block_bytes: of the genesis.
    """
    return max(BURST_BYTES_MIN, 2 * max_block_bytes)


def block_bytes_ceiling(max_block_bytes: int) -> int:
    """Return how large blocks may ever be on a chain whose genesis allows max_block_bytes."""
    return min(MAX_BLOCK_BYTES, burst_bytes_max(max_block_bytes))


class BlockCodec(Protocol):
    """Blocks and transactions of one consensus system as bytes, on the wire and in the store."""

    @property
    def transactions(self) -> TransactionFormat:
        """Return the bytes of transactions."""

    def encode(self, block: SignedBlock) -> bytes:
        """Return the block's bytes."""

    def decode(self, data: bytes, known: Known = nothing) -> SignedBlock:
        """Return the block in data; its rules are not checked here.

        What known returns of an id stands for the same bytes; it changes no answer.

        Raises:
            DecodeError: not exactly one well-formed block.
        """

    def decode_header(self, data: bytes) -> tuple[Header, bytes]:
        """Return (header, signature) of the bytes an id is made of; signature b"" if not in them.

        Raises:
            DecodeError: not exactly one well-formed header.
        """

    def printed(self, block: SignedBlock, clock: SlotClock) -> dict[str, Any]:
        """Return the block as public APIs print it: what JSON holds, with id and block_num.

        transactions has an entry for each of the block's, in order.
        """


def decode_transaction(data: bytes, form: TransactionFormat) -> Transaction:
    """Return the transaction in data.

    Raises:
        DecodeError: not exactly one well-formed transaction.
    """
    reader = Reader(data)
    transaction = _read_transaction(reader, form, nothing)
    reader.end()
    return transaction


def encode_body(block: SignedBlock) -> bytes:
    """Return what follows a block's header: signature, count, transactions."""
    raws = [transaction.raw for transaction in block.transactions]
    return b"".join((pack_signature(block.signature), pack_varuint(len(raws)), *raws))


def open_block(data: bytes) -> Reader:
    """Return a reader of a block's bytes.

    Raises:
        DecodeError: more bytes than any block may have.
    """
    if len(data) > MAX_BLOCK_BYTES:
        raise DecodeError(f"{len(data)} bytes are over {MAX_BLOCK_BYTES}")
    return Reader(data)


def read_body(
    reader: Reader, form: TransactionFormat, known: Known
) -> tuple[bytes, tuple[Transaction, ...]]:
    """Return (signature, transactions); what may follow them is the system's."""
    (signature,) = _read_signatures(reader, 1)
    count = reader.count(most=MAX_BLOCK_TRANSACTIONS)
    transactions = tuple([_read_transaction(reader, form, known) for _ in range(count)])
    return signature, transactions


def check_num(previous: bytes) -> None:
    """Check that a child of previous has a number.

    Raises:
        DecodeError: it would not fit 32 bits.
    """
    if previous[:4] == b"\xff\xff\xff\xff":
        raise DecodeError("block number out of range")


def _read_signatures(reader: Reader, count: int) -> tuple[bytes, ...]:
    packed = reader.fixed(_SIGNATURES[count])
    if packed[::2] != (KEY_TYPE_K1,) * count:
        raise DecodeError("unknown signature type")
    return packed[1::2]


def _read_transaction(reader: Reader, form: TransactionFormat, known: Known) -> Transaction:
    begin = reader.at
    body = reader.var_bytes(most=MAX_BODY_BYTES)
    signatures = _read_signatures(reader, reader.count(most=MAX_SIGNATURES))
    raw = reader.since(begin)
    before = None if known is nothing else known(form.id_of(body))
    if before is not None and before.raw == raw:
        return before
    return read_transaction(body, signatures, form, raw)
