"""BitShares blocks as bytes: form, packed header, signature, transactions."""

from dataclasses import dataclass
from typing import Any

from node.chain.bitshares.announcement import read_extensions
from node.chain.bitshares.block_text import block_text
from node.chain.bitshares.header import ID_BYTES, BlockHeader
from node.chain.bitshares.rules import Rules
from node.chain.bitshares.transactions import BitsharesTransactions
from node.chain.encoding.crypto import SIGNATURE_BYTES
from node.chain.encoding.pack import DecodeError, Reader
from node.chain.model import codec
from node.chain.model.block import SignedBlock
from node.chain.model.slot import SlotClock

_FORM = b"\x03"


@dataclass(frozen=True, slots=True)
class BitsharesCodec:
    """Fills `BlockCodec` of the seam; rules turn witness ids into names and seconds into slots."""

    rules: Rules
    transactions: BitsharesTransactions

    def encode(self, block: SignedBlock) -> bytes:
        """Return the wire form."""
        return _FORM + block.header.packed_for_id(b"") + codec.encode_body(block)

    def decode(self, data: bytes, known: codec.Known = codec.nothing) -> SignedBlock:
        """Return the block in data; its rules are not checked here.

        Raises:
            DecodeError: not exactly one well-formed block.
        """
        reader = codec.open_block(data)
        form = reader.take(1)
        if form != _FORM:
            raise DecodeError(f"unknown block form {form[0]}")
        header = self._read_header(reader)
        signature, transactions = codec.read_body(reader, self.transactions, known)
        reader.end()
        return SignedBlock(header, signature, transactions)

    def decode_header(self, data: bytes) -> tuple[BlockHeader, bytes]:
        """Return (header, signature) of a signed header's bytes.

        Raises:
            DecodeError: not exactly one well-formed signed header.
        """
        reader = Reader(data)
        header, signature = self._read_header(reader), reader.take(SIGNATURE_BYTES)
        reader.end()
        return header, signature

    def printed(self, block: SignedBlock, clock: SlotClock) -> dict[str, Any]:
        """Return the block as graphene's APIs print it; its header has the chain's own time."""
        return block_text(block, self.transactions)

    def _read_header(self, reader: Reader) -> BlockHeader:
        previous = reader.take(ID_BYTES)
        codec.check_num(previous)
        timestamp_s, witness = reader.uint("<I"), reader.varuint()
        transaction_mroot = reader.take(ID_BYTES)
        announced, words = read_extensions(reader)
        return BlockHeader(
            previous=previous,
            timestamp_s=timestamp_s,
            witness=witness,
            transaction_mroot=transaction_mroot,
            producer=self.rules.name_of(witness),
            slot=self.rules.slot_at(timestamp_s),
            announced=announced,
            words=words,
        )
