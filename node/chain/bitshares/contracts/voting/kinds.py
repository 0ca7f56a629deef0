"""How fields of the operations of votes are packed: ballots, ids of witnesses, what may be absent.

A vote id is graphene's: the type in the lowest 8 bits of 32, the instance above. The instance is
ours: N of the id 1.6.N that the candidate has or would have as a witness, which the genesis fixes
on every branch; upstream counts all that anybody ever registered.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from node.chain.bitshares.contracts.voting.vote import INSTANCES, AccountOptions, Ballot
from node.chain.bitshares.roster import FIRST_WITNESS
from node.chain.encoding.crypto import KEY_BYTES
from node.chain.encoding.fields import MAX_LIST, PLAIN, Layout, layout_of
from node.chain.encoding.pack import DecodeError, Reader, expect, pack_varuint
from node.chain.encoding.text import key_text

TYPES = COMMITTEE, WITNESS, WORKER, HARD_FORK = range(4)
"""Of vote ids; the last is ours."""
TYPE_BITS = 8
PROXY_TO_SELF = 5
"""Account 1.2.5, which stands for nobody as a proxy."""
WITNESS_OBJECT = "1.6."
_ABSENT, _PRESENT = b"\x00", b"\x01"
_NO_KEY = bytes(KEY_BYTES)


def voting_kinds(names: Sequence[str], kinds: Mapping[str, Layout], unit: str) -> dict[str, Layout]:
    """Return the kinds; names: of whoever may be a witness, by id; unit: how keys begin."""
    numbers = {name: FIRST_WITNESS + i for i, name in enumerate(names)}
    account = kinds["account"]

    def number_of(name: str) -> int:
        return numbers.get(name) or int(name.removeprefix(WITNESS_OBJECT))

    def name_of(number: int) -> str:
        index = number - FIRST_WITNESS
        return names[index] if 0 <= index < len(names) else f"{WITNESS_OBJECT}{number}"

    def write_proxy(name: str) -> bytes:
        return account.write(name) if name else pack_varuint(PROXY_TO_SELF)

    def read_proxy(reader: Reader) -> str:
        name: str = account.read(reader)
        return "" if name == f"1.2.{PROXY_TO_SELF}" else name

    key = Layout(bytes, lambda reader: reader.take(KEY_BYTES), lambda one: key_text(one, unit))
    own = {
        **kinds,
        "u16": Layout(lambda number: struct.pack("<H", number), lambda reader: reader.uint("<H")),
        "key": key,
        "no_key": Layout(lambda _: _NO_KEY, _expecting(_NO_KEY, "memo keys are not known here")),
        "absent": Layout(lambda _: _ABSENT, _expecting(_ABSENT, "nobody changes authorities here")),
        "proxy": Layout(write_proxy, read_proxy, lambda name: name or f"1.2.{PROXY_TO_SELF}"),
        "witness": Layout(
            lambda name: pack_varuint(number_of(name)), lambda reader: name_of(reader.varuint())
        ),
        "optional_text": _optional(PLAIN["text"], ""),
        "optional_key": _optional(key, b""),
        "ballot": _ballot(number_of, name_of),
    }
    return {**own, "account_options": _present(layout_of(AccountOptions, own))}


def _ballot(number_of: Callable[[str], int], name_of: Callable[[int], str]) -> Layout:
    """How all that an account approves of is packed: vote ids in ascending order, each once."""

    def ids(ballot: Ballot) -> list[int]:
        named = ((WITNESS, ballot.witnesses), (COMMITTEE, ballot.committee))
        found = [_id(kind, number_of(name)) for kind, names in named for name in names]
        numbered = ((WORKER, ballot.workers), (HARD_FORK, ballot.hard_forks))
        found += [_id(kind, number) for kind, numbers in numbered for number in numbers]
        return sorted(found)

    def write(ballot: Ballot) -> bytes:
        packed = [struct.pack("<I", one) for one in ids(ballot)]
        return pack_varuint(len(packed)) + b"".join(packed)

    def read(reader: Reader) -> Ballot:
        found = [reader.uint("<I") for _ in range(reader.count(most=MAX_LIST))]
        if found != sorted(set(found)):
            raise DecodeError("vote ids are not in order")
        by_kind: dict[int, list[int]] = {kind: [] for kind in TYPES}
        for one in found:
            kind, instance = one & (1 << TYPE_BITS) - 1, one >> TYPE_BITS
            if kind not in by_kind:
                raise DecodeError(f"votes of type {kind} are not known here")
            by_kind[kind].append(instance)
        return Ballot(
            witnesses=tuple(map(name_of, by_kind[WITNESS])),
            committee=tuple(map(name_of, by_kind[COMMITTEE])),
            workers=tuple(by_kind[WORKER]),
            hard_forks=tuple(by_kind[HARD_FORK]),
        )

    def show(ballot: Ballot) -> list[str]:
        return [f"{one & (1 << TYPE_BITS) - 1}:{one >> TYPE_BITS}" for one in ids(ballot)]

    return Layout(write, read, show)


def _id(kind: int, instance: int) -> int:
    if not 0 <= instance < INSTANCES:
        raise ValueError(f"a vote id has no room for {instance}")
    return instance << TYPE_BITS | kind


def _expecting(what: bytes, problem: str) -> Callable[[Reader], None]:
    return lambda reader: expect(reader, what, problem)


def _optional(layout: Layout, nothing: str | bytes) -> Layout:
    """A text or key that may be left out: empty then, which it cannot be otherwise."""

    def read(reader: Reader) -> Any:
        flag = reader.take(1)
        if flag not in (_ABSENT, _PRESENT):
            raise DecodeError("bad optional flag")
        if flag == _ABSENT:
            return nothing
        found = layout.read(reader)
        if found == nothing:
            raise DecodeError("an optional value says nothing")
        return found

    return Layout(
        lambda value: _PRESENT + layout.write(value) if value else _ABSENT,
        read,
        lambda value: layout.show(value) if value else None,
    )


def _present(layout: Layout) -> Layout:
    """A value that could be left out, and never is."""

    def read(reader: Reader) -> Any:
        expect(reader, _PRESENT, "an account is changed in its options only")
        return layout.read(reader)

    return Layout(lambda value: _PRESENT + layout.write(value), read, layout.show)
