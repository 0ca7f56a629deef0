"""BitShares headers and blocks from printed JSON: graphene's bytes, the id, who signed."""

import re
import struct
from collections.abc import Mapping
from typing import Any

import msgspec

from faults.model.fault import SECOND_NS
from harness.inspect.fields import InspectError, brief, digest, items, text, time_ns
from harness.inspect.keys import parse_public_key, parse_signature
from node.chain.bitshares.announcement import ACTIVE, EXTENSIONS, KEYS, PARAMETERS, Decided, decided
from node.chain.bitshares.block_text import WITNESS_IDS
from node.chain.bitshares.header import ID_BYTES, PREFIX_AT, ZERO_ID, BlockHeader
from node.chain.bitshares.parameters import Parameters
from node.chain.bitshares.transactions import UNIT
from node.chain.bitshares.words.reveal import SECRET_BYTES, Reveal
from node.chain.bitshares.words.words import REVEAL, SUPPORT, WORDS, Support, Words
from node.chain.encoding.crypto import recover
from node.chain.encoding.text import key_text
from node.chain.model.transaction import reference

_WITNESS = re.compile(re.escape(WITNESS_IDS) + r"(\d{1,10})")


def parse_header(fields: Mapping[str, object]) -> BlockHeader:
    """Return the header that the JSON fields describe; slot and producer are no part of its bytes.

    Raises:
        InspectError: a field is missing or malformed.
    """
    wall_ns = time_ns(text(fields, "timestamp"), "timestamp")
    if wall_ns % SECOND_NS or not 0 <= wall_ns // SECOND_NS < 1 << 32:
        raise InspectError(
            f"timestamp: {brief(fields['timestamp'])} is not on a full second of 32 bits"
        )
    witness = text(fields, "witness")
    extensions = _extensions(fields)
    return BlockHeader(
        previous=digest(fields, "previous", size=ID_BYTES),
        timestamp_s=wall_ns // SECOND_NS,
        witness=witness_number(witness, "witness"),
        transaction_mroot=digest(fields, "transaction_merkle_root", size=ID_BYTES),
        producer=witness,
        slot=0,
        announced=_announced(extensions),
        words=_words(extensions),
    )


def _extensions(fields: Mapping[str, object]) -> dict[object, Any]:
    """Return what header extensions say by their number, each printed as number and that."""
    parts: dict[object, Any] = {}
    for each in items(fields, "extensions"):
        known = (*EXTENSIONS, *WORDS)
        if not isinstance(each, list) or len(each) != 2 or each[0] not in known:
            raise InspectError(f"extensions: {brief(each)} is not known")
        parts[each[0]] = each[1]
    return parts


def _words(parts: Mapping[object, Any]) -> Words:
    """Return what the witness says among header extensions."""
    said, reveal = parts.get(REVEAL), None
    if said is not None:
        if not isinstance(said, dict):
            raise InspectError(f"extensions: {brief(said)} is no reveal")
        secret = digest(said, "previous_secret", size=SECRET_BYTES)
        reveal = Reveal(secret, digest(said, "next_secret_hash", size=SECRET_BYTES))
    try:
        support = msgspec.convert(parts.get(SUPPORT, {}), Support)
        found = Words(reveal=reveal, support=support)
        found.parts()
    except (TypeError, ValueError, msgspec.ValidationError) as error:
        raise InspectError(f"extensions: {error}") from error
    return found


def _announced(parts: Mapping[object, Any]) -> Decided | None:
    """Return what header extensions announce."""
    try:
        found = decided(
            tuple(witness_number(one, "extensions") for one in parts.get(ACTIVE, [])),
            tuple(
                (witness_number(one, "extensions"), parse_public_key(str(key)))
                for one, key in parts.get(KEYS, [])
            ),
            msgspec.convert(parts.get(PARAMETERS), Parameters | None),
        )
        if found is not None:
            found.pack()
    except (TypeError, ValueError, struct.error, msgspec.ValidationError) as error:
        raise InspectError(f"extensions: {error}") from error
    return found


def witness_number(value: str, field: str) -> int:
    """Return N of the object id 1.6.N.

    Raises:
        InspectError: another form; field is what the message names.
    """
    found = _WITNESS.fullmatch(value)
    if found is None or int(found[1]) >= 1 << 32:
        raise InspectError(f"{field}: {brief(value)} is not like 1.6.22")
    return int(found[1])


def header(fields: Mapping[str, object]) -> dict[str, object]:
    """Return what a header's bytes say; packed and id cover the signature, header_digest does not.

    signing_key is recovered from the signature: whose key it must be only the chain's state tells.

    Raises:
        InspectError: a field is missing or malformed.
    """
    found = parse_header(fields)
    if "witness_signature" not in fields:
        raise InspectError(
            "witness_signature: the field is missing; the id covers it, and get_block prints it"
        )
    signature = parse_signature(text(fields, "witness_signature"), "witness_signature")
    block_id, signed_digest = found.block_id(signature), found.digest()
    key = recover(signed_digest, signature)
    return {
        "id": block_id.hex(),
        "block_num": found.num,
        "ref_block_prefix": reference(block_id, PREFIX_AT)[1],
        "header_digest": signed_digest.hex(),
        "packed": found.packed_for_id(signature).hex(),
        "witness": found.producer,
        "signing_key": None if key is None else key_text(key, UNIT),
    }


def block(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the number of transactions, and whether the header's root is theirs.

    root_matches is null where there are some: the operations of the public chain are not packed
    here.

    Raises:
        InspectError: a field is missing or malformed.
    """
    count = len(items(fields, "transactions"))
    root = digest(fields, "transaction_merkle_root", size=ID_BYTES)
    return {"transactions": count, "root_matches": None if count else root == ZERO_ID}
