"""The whole state at a block that can never be undone: what a chain can start from instead of 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Annotated, Any

import msgspec

from node.chain.encoding.pack import DecodeError
from node.chain.ledger.ledger import LedgerImage, tables_of
from node.chain.profile import ChainState, Profile
from node.chain.state.state import read_image

FORM = "slotlab.snapshot/v2"
_PIECE_ROWS = 1_000
_LENGTH_BYTES = 4
_WIDE_INT = 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The consensus system's state after the block, and the ledger's."""

    state: ChainState
    ledger: LedgerImage

    @staticmethod
    def later(state: ChainState, image: Callable[[], LedgerImage]) -> Callable[[], Snapshot]:
        """Return what gives the snapshot of now, on whatever thread, whatever comes next."""
        return lambda: Snapshot(state, image())


class _Head(msgspec.Struct, frozen=True, array_like=True):
    form: str
    chain_id: bytes
    state: msgspec.Raw
    digest: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class _Rows(msgspec.Struct, frozen=True, array_like=True):
    """Some rows of a table; each table has at least one of these."""

    table: str
    rows: dict[Any, Any]


def pieces(frozen: Callable[[], Snapshot], *, chain_id: bytes) -> Iterator[bytes]:
    """Yield the bytes of a snapshot, each piece after a millisecond's work; a checksum at the end.

    Nothing else would tell that a row was damaged: the digest is over all that ever changed.
    """
    checksum = sha256()
    for part in _parts(frozen(), chain_id):
        written = piece(msgspec.msgpack.encode(part))
        checksum.update(written)
        yield written
    yield checksum.digest()


def encode(frozen: Callable[[], Snapshot], *, chain_id: bytes) -> bytes:
    """Return the snapshot's bytes."""
    return b"".join(pieces(frozen, chain_id=chain_id))


def decode(data: bytes, profile: Profile) -> Snapshot:
    """Return the snapshot in data.

    Raises:
        DecodeError: malformed, of another version or of another chain.
    """
    try:
        if sha256(data[:-32]).digest() != data[-32:]:
            raise DecodeError("its checksum is wrong")
        first, *rest = read_pieces(data[:-32])
        head = msgspec.msgpack.decode(first, type=_Head)
        if head.form != FORM:
            raise DecodeError(f"form {head.form!r} is not {FORM}")
        if head.chain_id != profile.chain_id:
            raise DecodeError(f"it is of chain {head.chain_id.hex()[:16]}")
        plain = msgspec.msgpack.decode(head.state, ext_hook=_wide_int)
        kind = type(profile.genesis_state)
        state = msgspec.convert(plain, type=kind, builtin_types=(bytes,))
        found: dict[str, dict[Any, Any]] = {}
        for part in rest:
            some = msgspec.msgpack.decode(part, type=_Rows)
            found.setdefault(some.table, {}).update(some.rows)
        tables = read_image(found, tables_of(profile.transaction_rules))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error
    return Snapshot(state, LedgerImage(tables=tables, digest=head.digest))


def _parts(snapshot: Snapshot, chain_id: bytes) -> Iterator[_Head | _Rows]:
    state = _packable(msgspec.to_builtins(snapshot.state, builtin_types=(bytes,)))
    packed = msgspec.Raw(msgspec.msgpack.encode(state))
    yield _Head(FORM, chain_id, packed, snapshot.ledger.digest)
    for name, rows in snapshot.ledger.tables.items():
        left = iter(rows.items())
        some = dict(islice(left, _PIECE_ROWS))
        yield _Rows(name, some)
        while some := dict(islice(left, _PIECE_ROWS)):
            yield _Rows(name, some)


def piece(data: bytes) -> bytes:
    """Return data as one piece."""
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data


def read_pieces(data: bytes) -> Iterator[bytes]:
    """Yield what is in each piece.

    Raises:
        DecodeError: there is none, or one has an end missing.
    """
    at = 0
    while True:
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(data[at:begin], "big")
        if at > len(data) or begin > len(data):
            raise DecodeError("its end is missing")
        yield data[begin:at]
        if at == len(data):
            return


def _packable(value: Any) -> Any:
    """The value with integers that MessagePack cannot hold as extensions."""
    match value:
        case dict():
            return {_packable(key): _packable(item) for key, item in value.items()}
        case list() | tuple():
            return [_packable(item) for item in value]
        case int() if value.bit_length() > 63:
            return msgspec.msgpack.Ext(
                _WIDE_INT, value.to_bytes(value.bit_length() // 8 + 1, "big")
            )
        case _:
            return value


def _wide_int(code: int, data: memoryview) -> int:
    if code != _WIDE_INT:
        raise DecodeError(f"unknown extension {code}")
    return int.from_bytes(data, "big")
