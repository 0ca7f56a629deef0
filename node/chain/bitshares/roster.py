"""The witnesses of a branch: who is active, whose keys sign, and what a header may change of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from node.chain.bitshares.announcement import Decided
from node.chain.bitshares.parameters import Parameters
from node.chain.bitshares.words.reveal import Promise
from node.chain.bitshares.words.words import NO_SUPPORT, Support
from node.chain.encoding.crypto import is_public_key
from node.chain.model.schedule import MAX_PRODUCERS

FIRST_WITNESS = 1
"""Witness 1.6.0 is nobody; the first of the genesis is 1.6.1."""


@dataclass(frozen=True, slots=True)
class Witness:
    """What a branch knows of a witness that is, or was, active there.

    key: what signs its blocks, for certain only while it is active or scheduled: nobody announces
    the keys of others. last_confirmed: its newest block here; missed: its empty slots
    (bitshares: total_missed). Both stay when it is dismissed, as graphene's objects do. promised:
    the secret that its next block must reveal, None before its first one with that key; support:
    what its newest block said of hard forks.
    """

    key: bytes
    last_confirmed: int = 0
    missed: int = 0
    promised: Promise | None = None
    support: Support = NO_SUPPORT


Witnesses = Mapping[int, Witness]
"""By the number N of the object id 1.6.N."""


def with_keys(witnesses: Witnesses, told: Decided) -> dict[int, Witness]:
    """Return the witnesses with the announced keys; newcomers have built on nothing yet.

    Who has a new key cannot know what it promised with the old one, which is forgotten: another key
    gets a witness out of a promise as an empty slot does.
    """
    found = dict(witnesses)
    for number, key in told.keys:
        before = found.get(number, Witness(key))
        found[number] = Witness(key, before.last_confirmed, before.missed)
    return found


def may_announce(
    told: Decided, *, active: tuple[int, ...], scheduled: tuple[int, ...], witnesses: Witnesses,
    parameters: Parameters, rules: Parameters, count: int, is_maintenance: bool,
) -> bool:  # fmt: skip
    """Return whether a block may announce that, by what its parent has.

    rules: the parameters that the chain began with; count: of the ids there are.

    Each part must change something, who is active and parameters at maintenance only. All that are
    active must have a key afterwards, and nobody else's is told but those of who is scheduled.
    """
    if (told.active or told.parameters is not None) and not is_maintenance:
        return False
    keys = dict(told.keys)
    ids = (told.active, tuple(number for number, _ in told.keys))
    if any(list(numbers) != sorted(set(numbers)) for numbers in ids) or told.active == active:
        return False
    after = told.active or active
    if after[0] < FIRST_WITNESS or after[-1] > count or len(after) > MAX_PRODUCERS:
        return False
    if not keys.keys() <= {*after, *scheduled}:
        return False
    if any(number not in witnesses and number not in keys for number in after):
        return False
    for number, key in keys.items():
        if not is_public_key(key) or (number in witnesses and witnesses[number].key == key):
            return False
    new = told.parameters
    return new is None or (new != parameters and new.change_problem(rules) is None)
