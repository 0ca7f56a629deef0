"""The whole state at a block that can never be undone: what a chain can start from instead of 1."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from node.chain.encoding.pack import DecodeError
from node.chain.ledger.ledger import LedgerImage, tables_of
from node.chain.profile import ChainState, Profile
from node.chain.state.state import read_image

FORM = "slotlab.snapshot/v1"
_WIDE_INT = 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The consensus system's state after the block, and the ledger's."""

    state: ChainState
    ledger: LedgerImage


class _File(msgspec.Struct, frozen=True, array_like=True):
    form: str
    chain_id: bytes
    state: msgspec.Raw
    ledger: LedgerImage


def encode(snapshot: Snapshot, *, chain_id: bytes) -> bytes:
    """Return the snapshot's bytes, with a checksum at their end.

    Nothing else would tell that a row was damaged: the digest is over all that ever changed.
    """
    state = _packable(msgspec.to_builtins(snapshot.state, builtin_types=(bytes,)))
    packed = msgspec.Raw(msgspec.msgpack.encode(state))
    file = msgspec.msgpack.encode(_File(FORM, chain_id, packed, snapshot.ledger))
    return file + sha256(file).digest()


def decode(data: bytes, profile: Profile) -> Snapshot:
    """Return the snapshot in data.

    Raises:
        DecodeError: malformed, of another version or of another chain.
    """
    try:
        if sha256(data[:-32]).digest() != data[-32:]:
            raise DecodeError("its checksum is wrong")
        file = msgspec.msgpack.decode(data[:-32], type=_File)
        if file.form != FORM:
            raise DecodeError(f"form {file.form!r} is not {FORM}")
        if file.chain_id != profile.chain_id:
            raise DecodeError(f"it is of chain {file.chain_id.hex()[:16]}")
        plain = msgspec.msgpack.decode(file.state, ext_hook=_wide_int)
        kind = type(profile.genesis_state)
        state = msgspec.convert(plain, type=kind, builtin_types=(bytes,))
        tables = read_image(file.ledger.tables, tables_of(profile.transaction_rules))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error
    return Snapshot(state, LedgerImage(tables=tables, digest=file.ledger.digest))


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
