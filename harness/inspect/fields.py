"""Reads fields of printed chain data; whatever is wrong is one line that names the field."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from faults.model.fault import SECOND_NS
from harness.errors import OperatorError

_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)?")


class InspectError(OperatorError):
    """The data cannot be read as what it should be; one line that names the field."""


def brief(value: object) -> str:
    """Return the value as a message shows it: on one line, not longer than 80 characters."""
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def get(fields: Mapping[str, object], key: str) -> object:
    """Return the field's value.

    Raises:
        InspectError: it is missing.
    """
    if key not in fields:
        raise InspectError(f"{key}: the field is missing")
    return fields[key]


def text(fields: Mapping[str, object], key: str) -> str:
    """Return the field's text.

    Raises:
        InspectError: it is missing or no string.
    """
    value = get(fields, key)
    if not isinstance(value, str):
        raise InspectError(f"{key}: a string is needed, not {brief(value)}")
    return value


def uint(fields: Mapping[str, object], key: str, *, bits: int) -> int:
    """Return the field's number.

    Raises:
        InspectError: it is missing or no integer of so many bits.
    """
    value = get(fields, key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
        raise InspectError(f"{key}: an integer of {bits} bits is needed, not {brief(value)}")
    return value


def items(fields: Mapping[str, object], key: str) -> list[object]:
    """Return the field's list; a field that is absent or null is an empty one.

    Raises:
        InspectError: it is something else.
    """
    value = fields.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InspectError(f"{key}: a list is needed, not {brief(value)}")
    return value


def mapping(value: object, key: str) -> Mapping[str, object]:
    """Return the value, which must be an object.

    Raises:
        InspectError: it is something else; key is what the message names.
    """
    if not isinstance(value, Mapping):
        raise InspectError(f"{key}: an object is needed, not {brief(value)}")
    return value


def from_hex(value: object, key: str) -> bytes:
    """Return the bytes of hexadecimal text.

    Raises:
        InspectError: no string, or not hexadecimal; key is what the message names.
    """
    if not isinstance(value, str):
        raise InspectError(f"{key}: a hexadecimal string is needed, not {brief(value)}")
    try:
        return bytes.fromhex(value)
    except ValueError as error:
        raise InspectError(f"{key}: not hexadecimal: {brief(value)}") from error


def digest(fields: Mapping[str, object], key: str, *, size: int = 32) -> bytes:
    """Return the field's size bytes, printed in hexadecimal.

    Raises:
        InspectError: it is missing, not hexadecimal, or of another length.
    """
    found = from_hex(get(fields, key), key)
    if len(found) != size:
        raise InspectError(f"{key}: {size} bytes are needed, got {len(found)}")
    return found


def time_ns(value: str, key: str) -> int:
    """Return the ns since 1970 of an ISO time, which is in UTC whether it says so or not.

    Raises:
        InspectError: another form; key is what the message names.
    """
    found = _TIMESTAMP.fullmatch(value)
    if found is None:
        raise InspectError(f"{key}: {brief(value)} is not like 2018-06-08T08:08:08.500")
    try:
        seconds = int(datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise InspectError(f"{key}: {brief(value)}: {error}") from error
    return seconds * SECOND_NS + int((found[2] or "0").ljust(9, "0"))


def unwrap(printed: object, what: str) -> Mapping[str, object]:
    """Return the header's or block's fields, also out of an API's whole reply.

    Raises:
        InspectError: no object.
    """
    fields = mapping(printed, what)
    for wrapper in ("result", "block", "header"):
        inner = fields.get(wrapper)
        if "previous" not in fields and isinstance(inner, Mapping):
            fields = inner
    return fields
