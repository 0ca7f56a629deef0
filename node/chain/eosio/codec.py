"""EOSIO/FIO blocks as bytes: width of the slot, header, signature, transactions, extensions."""

from typing import Any

from node.chain.encoding.name import u64_to_name
from node.chain.encoding.pack import DecodeError, Reader
from node.chain.eosio.block_text import block_text
from node.chain.eosio.header import U32_SLOTS, BlockHeader, Extensions, pack_extensions
from node.chain.eosio.transactions import EosioTransactions
from node.chain.model import codec
from node.chain.model.block import SignedBlock
from node.chain.model.schedule import ProducerSchedule, read_producers
from node.chain.model.slot import SlotClock

MAX_EXTENSIONS = 16
MAX_EXTENSION_BYTES = 4096
_NARROW_SLOT, _WIDE_SLOT = b"\x01", b"\x02"


class EosioCodec:
    """Fills `BlockCodec` of the seam; no state."""

    __slots__ = ()

    transactions = EosioTransactions()

    def encode(self, block: SignedBlock) -> bytes:
        """Return the wire form."""
        width = _NARROW_SLOT if block.slot < U32_SLOTS else _WIDE_SLOT
        header = block.header.packed_for_id(block.signature)
        return width + header + codec.encode_body(block) + pack_extensions(block.extensions)

    def decode(self, data: bytes, known: codec.Known = codec.nothing) -> SignedBlock:
        """Return the block in data; its rules are not checked here.

        Raises:
            DecodeError: not exactly one well-formed block.
        """
        reader = codec.open_block(data)
        width = reader.take(1)
        if width not in (_NARROW_SLOT, _WIDE_SLOT):
            raise DecodeError(f"unknown block form {width[0]}")
        header = _read_header(reader, slot_layout="<I" if width == _NARROW_SLOT else "<Q")
        if (header.slot < U32_SLOTS) != (width == _NARROW_SLOT):
            raise DecodeError("slot in the wrong width")
        codec.check_num(header.previous)
        signature, transactions = codec.read_body(reader, self.transactions, known)
        extensions = _read_extensions(reader)
        reader.end()
        return SignedBlock(header, signature, transactions, extensions)

    def decode_header(self, data: bytes) -> tuple[BlockHeader, bytes]:
        """Return the header of its packed bytes; ids cover no signature.

        Raises:
            DecodeError: not exactly one well-formed header.
        """
        try:
            return _read_whole_header(data, slot_layout="<I"), b""
        except DecodeError:
            # Only slots shorter than upstream's give numbers that need 8 bytes.
            return _read_whole_header(data, slot_layout="<Q"), b""

    def printed(self, block: SignedBlock, clock: SlotClock) -> dict[str, Any]:
        """Return the block as EOSIO's APIs print it."""
        return block_text(block, clock)


def _read_whole_header(data: bytes, *, slot_layout: str) -> BlockHeader:
    reader = Reader(data)
    header = _read_header(reader, slot_layout=slot_layout)
    reader.end()
    if header.packed != data:
        raise DecodeError("slot in the wrong width")
    return header


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
        extensions=_read_extensions(reader),
    )


def _read_extensions(reader: Reader) -> Extensions:
    return tuple(
        (reader.uint("<H"), reader.var_bytes(most=MAX_EXTENSION_BYTES))
        for _ in range(reader.count(most=MAX_EXTENSIONS))
    )


def _read_optional_schedule(reader: Reader) -> ProducerSchedule | None:
    flag = reader.take(1)
    if flag == b"\x00":
        return None
    if flag != b"\x01":
        raise DecodeError("bad optional flag")
    return ProducerSchedule(reader.uint("<I"), read_producers(reader))
