"""Bytes of blocks and transactions on the wire and in the store: total, bounded, canonical."""

from __future__ import annotations

from node.chain.block import U32_SLOTS, BlockHeader, ProducerKey, ProducerSchedule, SignedBlock
from node.chain.crypto import KEY_BYTES, KEY_TYPE_K1, SIGNATURE_BYTES, pack_signature
from node.chain.errors import DecodeError
from node.chain.name import u64_to_name
from node.chain.pack import Reader, pack_bytes, pack_varuint
from node.chain.transaction import MAX_TRANSACTION_BYTES, Transaction, Transfer

MAX_BLOCK_BYTES = 16 * 1024 * 1024
MAX_PRODUCERS = 125
MAX_EXTENSIONS = 16
MAX_EXTENSION_BYTES = 4096
MAX_BLOCK_TRANSACTIONS = 262_144
_NARROW_SLOT, _WIDE_SLOT = b"\x01", b"\x02"


def encode_transaction(transaction: Transaction) -> bytes:
    """Return the wire form: the body behind its length, then type byte and signature."""
    return pack_bytes(transaction.body) + pack_signature(transaction.signature)


def decode_transaction(data: bytes) -> Transaction:
    """Return the transaction in data.

    Raises:
        DecodeError: not exactly one well-formed transaction.
    """
    reader = Reader(data)
    transaction = _read_transaction(reader)
    reader.end()
    return transaction


def encode_block(block: SignedBlock) -> bytes:
    """Return the wire form: width of the slot, packed header, signature, transactions."""
    return b"".join(
        (
            _NARROW_SLOT if block.header.slot < U32_SLOTS else _WIDE_SLOT,
            block.header.pack(),
            pack_signature(block.signature),
            pack_varuint(len(block.transactions)),
            *(encode_transaction(transaction) for transaction in block.transactions),
        )
    )


def decode_block(data: bytes) -> SignedBlock:
    """Return the block in data; its rules are not checked here.

    Raises:
        DecodeError: not exactly one well-formed block.
    """
    if len(data) > MAX_BLOCK_BYTES:
        raise DecodeError(f"{len(data)} bytes are over {MAX_BLOCK_BYTES}")
    reader = Reader(data)
    width = reader.take(1)
    if width not in (_NARROW_SLOT, _WIDE_SLOT):
        raise DecodeError(f"unknown block form {width[0]}")
    header = _read_header(reader, slot_layout="<I" if width == _NARROW_SLOT else "<Q")
    if (header.slot < U32_SLOTS) != (width == _NARROW_SLOT):
        raise DecodeError("slot in the wrong width")
    if header.previous[:4] == b"\xff\xff\xff\xff":
        raise DecodeError("block number out of range")
    signature = _read_signature(reader)
    count = reader.count(most=MAX_BLOCK_TRANSACTIONS)
    transactions = tuple(_read_transaction(reader) for _ in range(count))
    reader.end()
    return SignedBlock(header, signature, transactions)


def block_size(block: SignedBlock) -> int:
    """Return how many bytes the block takes on the wire."""
    overhead = 1 + len(block.header.pack()) + SIGNATURE_BYTES + 1
    overhead += len(pack_varuint(len(block.transactions)))
    return overhead + sum(transaction.size_bytes for transaction in block.transactions)


def _read_header(reader: Reader, *, slot_layout: str) -> BlockHeader:
    return BlockHeader(
        slot=reader.uint(slot_layout),
        producer=u64_to_name(reader.uint("<Q")),
        confirmed=reader.uint("<H"),
        previous=reader.take(32),
        transaction_mroot=reader.take(32),
        action_mroot=reader.take(32),
        schedule_version=reader.uint("<I"),
        new_producers=_read_optional_schedule(reader),
        extensions=tuple(
            (reader.uint("<H"), reader.var_bytes(most=MAX_EXTENSION_BYTES))
            for _ in range(reader.count(most=MAX_EXTENSIONS))
        ),
    )


def _read_optional_schedule(reader: Reader) -> ProducerSchedule | None:
    flag = reader.take(1)
    if flag == b"\x00":
        return None
    if flag != b"\x01":
        raise DecodeError("bad optional flag")
    version = reader.uint("<I")
    count = reader.count(most=MAX_PRODUCERS)
    return ProducerSchedule(version, tuple(_read_producer(reader) for _ in range(count)))


def _read_producer(reader: Reader) -> ProducerKey:
    name = u64_to_name(reader.uint("<Q"))
    if reader.take(1) != KEY_TYPE_K1:
        raise DecodeError("unknown key type")
    return ProducerKey(name, reader.take(KEY_BYTES))


def _read_signature(reader: Reader) -> bytes:
    if reader.take(1) != KEY_TYPE_K1:
        raise DecodeError("unknown signature type")
    return reader.take(SIGNATURE_BYTES)


def _read_transaction(reader: Reader) -> Transaction:
    body = reader.var_bytes(most=MAX_TRANSACTION_BYTES)
    return Transaction(_read_transfer(body), body, _read_signature(reader))


def _read_transfer(body: bytes) -> Transfer:
    reader = Reader(body)
    expiration_s, num, prefix = reader.uint("<I"), reader.uint("<H"), reader.uint("<I")
    if reader.take(3) != b"\x00\x00\x00":
        raise DecodeError("limits and delay must be zero")
    transfer = Transfer(
        expiration_s=expiration_s,
        ref_block_num=num,
        ref_block_prefix=prefix,
        sender=u64_to_name(reader.uint("<Q")),
        recipient=u64_to_name(reader.uint("<Q")),
        amount=reader.uint("<Q"),
        memo=reader.var_bytes(most=MAX_TRANSACTION_BYTES),
    )
    reader.end()
    return transfer
