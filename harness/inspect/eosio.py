"""EOSIO/FIO headers from printed JSON: upstream's bytes, the id, schedules the header carries."""

import struct
from collections.abc import Mapping

from harness.inspect.fields import (
    InspectError,
    brief,
    digest,
    from_hex,
    items,
    mapping,
    text,
    time_ns,
    uint,
)
from harness.inspect.keys import parse_public_key, parse_signature
from node.chain.encoding.crypto import pack_key
from node.chain.encoding.name import name_to_u64
from node.chain.encoding.pack import pack_varuint
from node.chain.encoding.text import time_text
from node.chain.eosio.header import PREFIX_AT, BlockHeader, block_id
from node.chain.model.schedule import ProducerKey, ProducerSchedule
from node.chain.model.slot import SlotClock
from node.chain.model.transaction import reference

CLOCK = SlotClock(500_000_000)
PROTOCOL_FEATURES, PRODUCER_SCHEDULE = 0, 1
"""Numbers of the header extensions that public APIs print in words."""


def parse_header(fields: Mapping[str, object]) -> BlockHeader:
    """Return the header that the JSON fields describe.

    Raises:
        InspectError: a field is missing or malformed.
    """
    return BlockHeader(
        slot=_slot(text(fields, "timestamp")),
        producer=parse_name(text(fields, "producer"), "producer"),
        confirmed=uint(fields, "confirmed", bits=16),
        previous=digest(fields, "previous"),
        transaction_mroot=digest(fields, "transaction_mroot"),
        action_mroot=digest(fields, "action_mroot"),
        schedule_version=uint(fields, "schedule_version", bits=32),
        new_producers=_schedule(fields.get("new_producers")),
        extensions=_extensions(fields),
    )


def parse_name(name: str, field: str) -> str:
    """Return the name, which must be one that can be packed.

    Raises:
        InspectError: it cannot; field is what the message names.
    """
    try:
        name_to_u64(name)
    except ValueError as error:
        raise InspectError(f"{field}: {error}") from error
    return name


def header(fields: Mapping[str, object]) -> dict[str, object]:
    """Return what a header's bytes say; its id covers no signature.

    Raises:
        InspectError: a field is missing or malformed.
    """
    found = parse_header(fields)
    header_digest = found.digest()
    full_id = block_id(found.num, header_digest)
    signature = fields.get("producer_signature")
    new = found.new_producers
    return {
        "id": full_id.hex(),
        "block_num": found.num,
        "ref_block_prefix": reference(full_id, PREFIX_AT)[1],
        "header_digest": header_digest.hex(),
        "packed": found.packed.hex(),
        "slot": found.slot,
        "time": time_text(CLOCK.time_ns(found.slot)),
        "producer": found.producer,
        "new_producers": None if new is None else list(new.names),
        "signature": None if signature is None else _signature(fields).hex(),
    }


def _signature(fields: Mapping[str, object]) -> bytes:
    return parse_signature(text(fields, "producer_signature"), "producer_signature")


def _slot(printed: str) -> int:
    wall_ns = time_ns(printed, "timestamp")
    slot = CLOCK.slot_at(wall_ns)
    if CLOCK.time_ns(slot) != wall_ns or not 0 <= slot < 1 << 32:
        raise InspectError(f"timestamp: {brief(printed)} is not on a half second since 2000")
    return slot


def _schedule(value: object) -> ProducerSchedule | None:
    if value is None:
        return None
    fields = mapping(value, "new_producers")
    if "producers" not in fields:
        raise InspectError("new_producers: producers is missing")
    return ProducerSchedule(
        uint(fields, "version", bits=32),
        tuple(_producer(entry) for entry in items(fields, "producers")),
    )


def _producer(entry: object) -> ProducerKey:
    fields = mapping(entry, "new_producers: a producer")
    name = parse_name(text(fields, "producer_name"), "producer_name")
    return ProducerKey(name, parse_public_key(text(fields, "block_signing_key")))


def _extensions(fields: Mapping[str, object]) -> tuple[tuple[int, bytes], ...]:
    """The extensions as numbers and bytes, or out of the fields some APIs print instead."""
    found = [_extension(entry) for entry in items(fields, "header_extensions")]
    kinds = {kind for kind, _ in found}
    features = items(fields, "new_protocol_features")
    if features and PROTOCOL_FEATURES not in kinds:
        found.append((PROTOCOL_FEATURES, _features(features)))
    schedule = fields.get("new_producer_schedule")
    if schedule is not None and PRODUCER_SCHEDULE not in kinds:
        found.append((PRODUCER_SCHEDULE, _authority_schedule(schedule)))
    return tuple(sorted(found, key=lambda extension: extension[0]))


def _extension(entry: object) -> tuple[int, bytes]:
    match entry:
        case [int(kind), str(data)] if 0 <= kind < 1 << 16:
            return kind, from_hex(data, "header_extensions")
    raise InspectError(f"header_extensions: [number, hex] is needed, not {brief(entry)}")


def _features(entries: list[object]) -> bytes:
    digests = [
        digest(mapping(entry, "new_protocol_features: an entry"), "feature_digest")
        for entry in entries
    ]
    return pack_varuint(len(digests)) + b"".join(digests)


def _authority_schedule(value: object) -> bytes:
    """The packed schedule of producers that sign with weighted keys.

    Source: eosio libraries/chain/include/eosio/chain/producer_schedule.hpp.
    """
    fields = mapping(value, "new_producer_schedule")
    producers = [_authority(entry) for entry in items(fields, "producers")]
    version = struct.pack("<I", uint(fields, "version", bits=32))
    return version + pack_varuint(len(producers)) + b"".join(producers)


def _authority(entry: object) -> bytes:
    fields = mapping(entry, "new_producer_schedule: a producer")
    match fields.get("authority"):
        case [0 | "block_signing_authority_v0", Mapping() as authority]:
            keys = [_weighted_key(key) for key in items(authority, "keys")]
            threshold = uint(authority, "threshold", bits=32)
        case other:
            raise InspectError(f"authority: [0, object] is needed, not {brief(other)}")
    name = parse_name(text(fields, "producer_name"), "producer_name")
    head = struct.pack("<QBI", name_to_u64(name), 0, threshold)
    return head + pack_varuint(len(keys)) + b"".join(keys)


def _weighted_key(entry: object) -> bytes:
    fields = mapping(entry, "authority: a key")
    weight = struct.pack("<H", uint(fields, "weight", bits=16))
    return pack_key(parse_public_key(text(fields, "key"))) + weight
