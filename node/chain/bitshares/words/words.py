"""The words of a witness as header extensions: 4, a reveal; 5, the hard forks that it supports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from node.chain.bitshares.words.reveal import SECRET_BYTES, Promise, Reveal, keeps, revealed
from node.chain.encoding.pack import DecodeError, Reader, pack_varuint
from node.chain.model.bitshares_rules import HARD_FORKS, BitsharesRules
from node.chain.model.errors import Reason
from node.chain.model.voice import Stance, Voice

REVEAL, SUPPORT = 4, 5
HARD_FORKS_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """The ids of hard forks, ascending: that a witness is ready for; that it wants at once."""

    ready: tuple[int, ...] = ()
    urgent: tuple[int, ...] = ()


NO_SUPPORT = Support()


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the signer of a header says in it of its own accord, as far as the genesis asks."""

    reveal: Reveal | None = None
    support: Support = NO_SUPPORT

    def parts(self) -> list[tuple[int, bytes]]:
        """Return the extensions, each number and its bytes."""
        parts = []
        if self.reveal is not None:
            parts.append((REVEAL, self.reveal.previous_secret + self.reveal.next_hash))
        if self.support != NO_SUPPORT:
            parts.append((SUPPORT, _pack_ids(self.support.ready) + _pack_ids(self.support.urgent)))
        return parts


SILENT = Words()
"""What headers say where the genesis asks nothing."""


def spoken(
    voice: Voice | None, promised: Promise | None, parent: bytes, rules: BitsharesRules
) -> Words:
    """Return what an honest witness says in a block on parent."""
    if voice is None or not (rules.random.on or rules.hard_forks.times):
        return SILENT
    reveal = revealed(voice.key, promised, parent) if rules.random.on else None
    return Words(reveal=reveal, support=_support(voice.stance, rules))


def broken(words: Words, promised: Promise | None, rules: BitsharesRules) -> Reason | None:
    """Return which rule the words of a witness break."""
    if words.support != NO_SUPPORT and not rules.hard_forks.times:
        return Reason.UNKNOWN_EXTENSION
    if not rules.random.on:
        return None if words.reveal is None else Reason.UNKNOWN_EXTENSION
    first_is_free = rules.random.first_reveal == "any"
    if words.reveal is None or not keeps(words.reveal, promised, first_is_free=first_is_free):
        return Reason.BAD_REVEAL
    return None


def promise_of(words: Words, parent: bytes) -> Promise | None:
    """Return what a witness has promised after a block on parent with these words."""
    return None if words.reveal is None else Promise(words.reveal.next_hash, parent)


def words_of(parts: dict[int, object]) -> Words:
    """Return the words among extensions that were read."""
    reveal, support = parts.get(REVEAL), parts.get(SUPPORT, NO_SUPPORT)
    if reveal is None and support == NO_SUPPORT:
        return SILENT
    assert reveal is None or isinstance(reveal, Reveal)
    assert isinstance(support, Support)
    return Words(reveal=reveal, support=support)


def _support(stance: Stance, rules: BitsharesRules) -> Support:
    known = {HARD_FORKS[number]: number for number in rules.hard_forks.times}
    ready = known if stance.supports is None else stance.supports
    return Support(
        ready=tuple(sorted(known[name] for name in ready if name in known)),
        urgent=tuple(sorted(known[name] for name in stance.urgent if name in known)),
    )


def _pack_ids(ids: tuple[int, ...]) -> bytes:
    return pack_varuint(len(ids)) + b"".join([pack_varuint(number) for number in ids])


def _read_ids(reader: Reader) -> tuple[int, ...]:
    count = reader.count(most=HARD_FORKS_MAX)
    ids = tuple(reader.varuint() for _ in range(count))
    if list(ids) != sorted(set(ids)):
        raise DecodeError("hard forks are not in order")
    return ids


def _read_support(reader: Reader) -> Support:
    found = Support(ready=_read_ids(reader), urgent=_read_ids(reader))
    if found == NO_SUPPORT:
        raise DecodeError("a header extension says nothing")
    return found


def _read_reveal(reader: Reader) -> Reveal:
    return Reveal(reader.take(SECRET_BYTES), reader.take(SECRET_BYTES))


WORDS: dict[int, Callable[[Reader], object]] = {REVEAL: _read_reveal, SUPPORT: _read_support}
"""By number, how an extension is read."""
