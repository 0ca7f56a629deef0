"""Explains chain data offline: a header's id and bytes from the JSON that public APIs print."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import new as new_hash

from node.chain.block import BlockHeader, ProducerKey, ProducerSchedule, block_id
from node.chain.crypto import KEY_BYTES
from node.chain.name import name_to_u64
from node.chain.slot import SlotClock

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
CHECKSUM_BYTES = 4
EOSIO_CLOCK = SlotClock(500_000_000)
PROFILES = ("eosio",)
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z?")


class InspectError(Exception):
    """The data cannot be read as what it should be; one line that names the field."""


def inspect_header(fields: Mapping[str, object], profile: str) -> dict[str, object]:
    """Return id, block_num, ref_block_prefix, header_digest and packed (hex) of a header.

    fields: the header as public APIs print it; fields that do not enter the id are ignored.

    Raises:
        InspectError: unknown profile, or a field is missing or malformed.
    """
    if profile not in PROFILES:
        raise InspectError(f"profile: {profile!r} is unknown; known: {', '.join(PROFILES)}")
    if not isinstance(fields, Mapping):
        raise InspectError("header: a JSON object is needed")
    header = parse_header(fields)
    digest = header.digest()
    full_id = block_id(header.num, digest)
    return {
        "id": full_id.hex(),
        "block_num": header.num,
        "ref_block_prefix": struct.unpack_from("<I", full_id, 8)[0],
        "header_digest": digest.hex(),
        "packed": header.pack().hex(),
    }


def parse_header(fields: Mapping[str, object]) -> BlockHeader:
    """Return the header that the JSON fields describe.

    Raises:
        InspectError: a field is missing or malformed.
    """
    return BlockHeader(
        slot=_slot(_text(fields, "timestamp")),
        producer=_name(_text(fields, "producer"), "producer"),
        confirmed=_uint(fields, "confirmed", bits=16),
        previous=_digest(fields, "previous"),
        transaction_mroot=_digest(fields, "transaction_mroot"),
        action_mroot=_digest(fields, "action_mroot"),
        schedule_version=_uint(fields, "schedule_version", bits=32),
        new_producers=_schedule(fields.get("new_producers")),
        extensions=_extensions(fields.get("header_extensions")),
    )


def parse_public_key(text: str) -> bytes:
    """Return the 33 bytes of a public key printed as EOS…, FIO… or PUB_K1_….

    Raises:
        InspectError: another form, or the checksum does not match.
    """
    if text.startswith("PUB_K1_"):
        data, salt = _base58(text.removeprefix("PUB_K1_")), b"K1"
    elif text.startswith(("EOS", "FIO")):
        data, salt = _base58(text[3:]), b""
    else:
        raise InspectError(f"key: {text!r} is not EOS…, FIO… or PUB_K1_…")
    key, checksum = data[:-CHECKSUM_BYTES], data[-CHECKSUM_BYTES:]
    if len(key) != KEY_BYTES:
        raise InspectError(f"key: {text!r} has {len(key)} bytes instead of {KEY_BYTES}")
    if _ripemd160(key + salt)[:CHECKSUM_BYTES] != checksum:
        raise InspectError(f"key: the checksum of {text!r} does not match")
    return key


def _base58(text: str) -> bytes:
    number = 0
    for letter in text:
        value = BASE58.find(letter)
        if value < 0:
            raise InspectError(f"key: {letter!r} is not a base-58 letter")
        number = number * 58 + value
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _ripemd160(data: bytes) -> bytes:
    try:
        return new_hash("ripemd160", data).digest()
    except ValueError as error:
        raise InspectError(
            "key: this Python's OpenSSL lacks ripemd160, so the checksum of a key cannot be checked"
        ) from error


def _get(fields: Mapping[str, object], key: str) -> object:
    if key not in fields:
        raise InspectError(f"{key}: the field is missing")
    return fields[key]


def _text(fields: Mapping[str, object], key: str) -> str:
    value = _get(fields, key)
    if not isinstance(value, str):
        raise InspectError(f"{key}: a string is needed, not {value!r}")
    return value


def _uint(fields: Mapping[str, object], key: str, *, bits: int) -> int:
    value = _get(fields, key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
        raise InspectError(f"{key}: an integer of {bits} bits is needed, not {value!r}")
    return value


def _hex(text: object, key: str) -> bytes:
    try:
        return bytes.fromhex(text) if isinstance(text, str) else _refuse(text, key)
    except ValueError as error:
        raise InspectError(f"{key}: not hexadecimal: {text!r}") from error


def _refuse(value: object, key: str) -> bytes:
    raise InspectError(f"{key}: a hexadecimal string is needed, not {value!r}")


def _digest(fields: Mapping[str, object], key: str) -> bytes:
    digest = _hex(_get(fields, key), key)
    if len(digest) != 32:
        raise InspectError(f"{key}: 32 bytes are needed, got {len(digest)}")
    return digest


def _name(text: str, key: str) -> str:
    try:
        name_to_u64(text)
    except ValueError as error:
        raise InspectError(f"{key}: {error}") from error
    return text


def _slot(text: str) -> int:
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise InspectError(f"timestamp: {text!r} is not like 2018-06-08T08:08:08.500")
    try:
        seconds = int(datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise InspectError(f"timestamp: {text!r}: {error}") from error
    wall_ns = seconds * 1_000_000_000 + int((found[2] or "0").ljust(9, "0"))
    slot = EOSIO_CLOCK.slot_at(wall_ns)
    if EOSIO_CLOCK.time_ns(slot) != wall_ns or not 0 <= slot < 1 << 32:
        raise InspectError(f"timestamp: {text!r} is not on a half second since 2000")
    return slot


def _schedule(value: object) -> ProducerSchedule | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InspectError(f"new_producers: an object or null is needed, not {value!r}")
    producers = _get(value, "producers")
    if not isinstance(producers, list):
        raise InspectError("new_producers: producers must be a list")
    return ProducerSchedule(
        _uint(value, "version", bits=32), tuple(_producer(entry) for entry in producers)
    )


def _producer(entry: object) -> ProducerKey:
    if not isinstance(entry, Mapping):
        raise InspectError(f"new_producers: a producer must be an object, not {entry!r}")
    name = _name(_text(entry, "producer_name"), "producer_name")
    return ProducerKey(name, parse_public_key(_text(entry, "block_signing_key")))


def _extensions(value: object) -> tuple[tuple[int, bytes], ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InspectError(f"header_extensions: a list is needed, not {value!r}")
    found = []
    for entry in value:
        match entry:
            case [int(kind), str(data)] if 0 <= kind < 1 << 16:
                found.append((kind, _hex(data, "header_extensions")))
            case _:
                raise InspectError(f"header_extensions: [number, hex] is needed, not {entry!r}")
    return tuple(found)
