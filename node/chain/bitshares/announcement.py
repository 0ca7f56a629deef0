"""What execution decided and headers need: a header extension of the block that changes it.

Ours (PROTOCOL "Our choices"): graphene's headers say nothing of it, and only who executes knows.
Blocks without a change keep graphene's bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from node.chain.bitshares.parameters import Parameters, read_parameters
from node.chain.bitshares.words.words import WORDS, Words, words_of
from node.chain.encoding.crypto import KEY_BYTES
from node.chain.encoding.pack import DecodeError, Reader, pack_varuint
from node.chain.model.schedule import MAX_PRODUCERS

EXTENSIONS = ACTIVE, KEYS, PARAMETERS = 1, 2, 3
"""The numbers of the extensions; 0 is graphene's only one, that of none, others are `words`."""
NONE = b"\x00"
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Fills `Announcement` of the seam: what is otherwise after this block; one part at least.

    active: the ids of all active witnesses, ascending, () as before. keys: (id, key), ascending, of
    who is active or still scheduled and whose signing key headers do not know yet. parameters: all
    of them, None as before.
    """

    active: tuple[int, ...] = ()
    keys: tuple[tuple[int, bytes], ...] = ()
    parameters: Parameters | None = None

    def pack(self) -> bytes:
        """Return the header's extensions where its witness says nothing else."""
        return _packed(self.parts(), _pack_part)

    def parts(self) -> list[tuple[int, bytes]]:
        """Return the extensions, each number and its bytes."""
        parts = []
        if self.active:
            parts.append((ACTIVE, _packed(self.active, pack_varuint)))
        if self.keys:
            parts.append((KEYS, _packed(self.keys, lambda pair: pack_varuint(pair[0]) + pair[1])))
        if self.parameters is not None:
            parts.append((PARAMETERS, self.parameters.pack()))
        return parts


def decided(
    active: tuple[int, ...], keys: tuple[tuple[int, bytes], ...], parameters: Parameters | None
) -> Decided | None:
    """Return what is to be announced, None for nothing."""
    found = Decided(active=active, keys=keys, parameters=parameters)
    return None if found == Decided() else found


def pack_extensions(announced: Decided | None, words: Words) -> bytes:
    """Return a header's extensions: their number, then each behind its own, ascending."""
    return _packed([*(announced.parts() if announced else ()), *words.parts()], _pack_part)


def read_extensions(reader: Reader) -> tuple[Decided | None, Words]:
    """Return what execution announces, None for nothing, and the witness' words.

    Raises:
        DecodeError: unknown, empty, not in order or malformed ones.
    """
    parts: dict[int, object] = {}
    for _ in range(reader.count(most=len(_READ))):
        number = reader.varuint()
        if number not in _READ or number <= max(parts, default=0):
            raise DecodeError(f"header extension {number} is not known, or not in order")
        parts[number] = _READ[number](reader)
    words = words_of(parts)
    active, keys = parts.get(ACTIVE, ()), parts.get(KEYS, ())
    return decided(active, keys, parts.get(PARAMETERS)), words  # type: ignore[arg-type]


def _packed(items: Sequence[Item], pack: Callable[[Item], bytes]) -> bytes:
    return pack_varuint(len(items)) + b"".join([pack(item) for item in items])


def _pack_part(part: tuple[int, bytes]) -> bytes:
    return pack_varuint(part[0]) + part[1]


def _read_key(reader: Reader) -> tuple[int, bytes]:
    return reader.varuint(), reader.take(KEY_BYTES)


def _several(read: Callable[[Reader], Item]) -> Callable[[Reader], tuple[Item, ...]]:
    def read_several(reader: Reader) -> tuple[Item, ...]:
        count = reader.count(most=2 * MAX_PRODUCERS)
        if count == 0:
            raise DecodeError("a header extension says nothing")
        return tuple(read(reader) for _ in range(count))

    return read_several


_READ: dict[int, Callable[[Reader], object]] = {
    ACTIVE: _several(Reader.varuint),
    KEYS: _several(_read_key),
    PARAMETERS: read_parameters,
    **WORDS,
}
"""By number, how an extension is read; keys: of the active and of those still scheduled."""
