"""EOSIO/FIO blocks from printed JSON: transaction ids, receipts, and the root over them."""

import struct
import zlib
from collections.abc import Mapping
from hashlib import sha256

from harness.inspect.fields import (
    InspectError,
    brief,
    digest,
    from_hex,
    get,
    items,
    mapping,
    text,
    uint,
)
from harness.inspect.keys import parse_signature
from node.chain.encoding.crypto import pack_signature
from node.chain.encoding.merkle import merkle_root
from node.chain.encoding.pack import pack_bytes, pack_varuint
from node.chain.eosio.block_text import COMPRESSIONS, STATUSES

TRANSACTION_BYTES_MAX = 1 << 20


def block(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the transactions' ids, the root over their receipts, and whether it is the header's.

    Raises:
        InspectError: a field is missing or malformed, or a printed transaction id is wrong.
    """
    receipts = [
        _receipt(mapping(entry, f"transactions[{i}]"), f"transactions[{i}]")
        for i, entry in enumerate(items(fields, "transactions"))
    ]
    root = merkle_root([leaf for _, leaf in receipts])
    return {
        "transactions": [transaction_id.hex() for transaction_id, _ in receipts],
        "transaction_mroot": root.hex(),
        "root_matches": root == digest(fields, "transaction_mroot"),
    }


def _receipt(fields: Mapping[str, object], where: str) -> tuple[bytes, bytes]:
    """A transaction's id, and its leaf in the root.

    Source: eosio libraries/chain/include/eosio/chain/block.hpp, transaction_receipt::digest.
    """
    status = _choice(text(fields, "status"), STATUSES, f"{where}.status")
    usage = struct.pack("<BI", status, uint(fields, "cpu_usage_us", bits=32))
    usage += pack_varuint(uint(fields, "net_usage_words", bits=32))
    transaction = get(fields, "trx")
    if isinstance(transaction, str):
        scheduled = digest(fields, "trx")
        return scheduled, sha256(usage + scheduled).digest()
    transaction_id, packed = _packed(mapping(transaction, f"{where}.trx"), f"{where}.trx")
    return transaction_id, sha256(usage + packed).digest()


def _packed(fields: Mapping[str, object], where: str) -> tuple[bytes, bytes]:
    """A transaction's id, and the digest of its packed form with signatures."""
    signatures = [_signature(entry, where) for entry in items(fields, "signatures")]
    free = from_hex(fields.get("packed_context_free_data") or "", f"{where}.packed_context_free")
    body = from_hex(text(fields, "packed_trx"), f"{where}.packed_trx")
    compression = _choice(get(fields, "compression"), COMPRESSIONS, f"{where}.compression")
    transaction_id = sha256(_inflated(body, where) if compression else body).digest()
    if "id" in fields and fields["id"] != transaction_id.hex():
        raise InspectError(
            f"{where}.id: printed {brief(fields['id'])}, found {transaction_id.hex()}"
        )
    proofs = pack_varuint(len(signatures)) + b"".join(signatures) + pack_bytes(free)
    head = bytes((compression,)) + pack_bytes(body)
    return transaction_id, sha256(head + sha256(proofs).digest()).digest()


def _signature(entry: object, where: str) -> bytes:
    if not isinstance(entry, str):
        raise InspectError(f"{where}.signatures: a string is needed, not {brief(entry)}")
    return pack_signature(parse_signature(entry, f"{where}.signatures"))


def _inflated(body: bytes, where: str) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(body, TRANSACTION_BYTES_MAX)
    except zlib.error as error:
        raise InspectError(f"{where}.packed_trx: not zlib: {error}") from error
    if not unpacker.eof:
        raise InspectError(f"{where}.packed_trx: cut off, or over {TRANSACTION_BYTES_MAX} bytes")
    return found


def _choice(value: object, words: tuple[str, ...], where: str) -> int:
    """The word's number; some APIs print the number itself."""
    if isinstance(value, str) and value in words:
        return words.index(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(words):
        return value
    raise InspectError(f"{where}: one of {', '.join(words)} is needed, not {brief(value)}")
