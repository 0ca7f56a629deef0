"""The words of a witness as header extensions: 4, a reveal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from node.chain.bitshares.words.reveal import SECRET_BYTES, Promise, Reveal, keeps, revealed
from node.chain.encoding.pack import Reader
from node.chain.model.bitshares_rules import RandomRules
from node.chain.model.errors import Reason
from node.chain.model.voice import Voice

REVEAL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the signer of a header says in it of its own accord, as far as the genesis asks."""

    reveal: Reveal | None = None

    def parts(self) -> list[tuple[int, bytes]]:
        """Return the extensions, each number and its bytes."""
        if self.reveal is None:
            return []
        return [(REVEAL, self.reveal.previous_secret + self.reveal.next_hash)]


SILENT = Words()
"""What headers say where the genesis asks nothing."""


def spoken(
    voice: Voice | None, promised: Promise | None, parent: bytes, rules: RandomRules
) -> Words:
    """Return what an honest witness says in a block on parent."""
    if voice is None or not rules.on:
        return SILENT
    return Words(reveal=revealed(voice.key, promised, parent))


def broken(words: Words, promised: Promise | None, rules: RandomRules) -> Reason | None:
    """Return which rule the words of a witness break."""
    if not rules.on:
        return None if words.reveal is None else Reason.UNKNOWN_EXTENSION
    first_is_free = rules.first_reveal == "any"
    if words.reveal is None or not keeps(words.reveal, promised, first_is_free=first_is_free):
        return Reason.BAD_REVEAL
    return None


def promise_of(words: Words, parent: bytes) -> Promise | None:
    """Return what a witness has promised after a block on parent with these words."""
    return None if words.reveal is None else Promise(words.reveal.next_hash, parent)


def _read_reveal(reader: Reader) -> Reveal:
    return Reveal(reader.take(SECRET_BYTES), reader.take(SECRET_BYTES))


WORDS: dict[int, Callable[[Reader], object]] = {REVEAL: _read_reveal}
"""By number, how an extension is read."""


def words_of(parts: dict[int, object]) -> Words:
    """Return the words among extensions that were read."""
    reveal = parts.get(REVEAL)
    if reveal is None:
        return SILENT
    assert isinstance(reveal, Reveal)
    return Words(reveal=reveal)
