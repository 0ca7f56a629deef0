"""The whole state at a block that can never be undone: what a chain can start from instead of 1."""

from dataclasses import dataclass
from typing import Any

import msgspec

from node.chain.encoding.pack import DecodeError
from node.chain.ledger.ledger import LedgerImage
from node.chain.profile import ChainState, Profile

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
    state: Any
    ledger: LedgerImage


def encode(snapshot: Snapshot, *, chain_id: bytes) -> bytes:
    """Return the snapshot's bytes."""
    state = _packable(msgspec.to_builtins(snapshot.state, builtin_types=(bytes,)))
    return msgspec.msgpack.encode(_File(FORM, chain_id, state, snapshot.ledger))


def decode(data: bytes, profile: Profile) -> Snapshot:
    """Return the snapshot in data.

    Raises:
        DecodeError: malformed, of another version or of another chain.
    """
    try:
        file = msgspec.msgpack.decode(data, type=_File, ext_hook=_wide_int)
        if file.form != FORM:
            raise DecodeError(f"form {file.form!r} is not {FORM}")
        if file.chain_id != profile.chain_id:
            raise DecodeError(f"it is of chain {file.chain_id.hex()[:16]}")
        state = msgspec.convert(file.state, type=type(profile.genesis_state))
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise DecodeError(str(error)) from error
    return Snapshot(state, file.ledger)


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
