"""A second header-state transition, written from the rules' text alone, to hold the first against.

Structure differs on purpose: confirmations are counted up by block number, finality is searched
for as the greatest number with enough votes, values are mutable and copied whole. Shares nothing
with `node.chain.eosio` but the words of the refusals.
"""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass, field

WINDOW = 1024


class Refused(Exception):
    """The child breaks a rule; the message is the reason's word."""


@dataclass
class Second:
    """The state after one block; producers are names in order of turns."""

    num: int
    slot: int
    turn: int
    active: list[str]
    version: int
    waiting: list[str] | None
    waiting_version: int
    waiting_num: int
    proposed: int = 0
    lib: int = 0
    newest_of: dict[str, int] = field(default_factory=dict)
    implied_by: dict[str, int] = field(default_factory=dict)
    given: dict[int, int] = field(default_factory=dict)
    wanted: dict[int, int] = field(default_factory=dict)
    promoted: bool = False

    def remaining(self) -> list[int]:
        """Return what each unproposed block still lacks, oldest first."""
        return [self.wanted[num] - self.given[num] for num in sorted(self.wanted)]


def first(*, slot: int, names: list[str], turn: int) -> Second:
    """Return the state of block 1: its schedule is active and, under number 0, pending too."""
    return Second(
        num=1,
        slot=slot,
        turn=turn,
        active=list(names),
        version=0,
        waiting=list(names),
        waiting_version=0,
        waiting_num=0,
    )


def due(state: Second, slot: int) -> str:
    """Return the producer of slot."""
    return state.active[(slot % (len(state.active) * state.turn)) // state.turn]


def apply(parent: Second, slot: int, confirmed: int) -> Second:
    """Return the state after a child.

    Raises:
        Refused: slot, number confirmed, or a block confirmed twice.
    """
    if not slot > parent.slot:
        raise Refused("slot_not_after_parent")
    child = copy.deepcopy(parent)
    child.num, child.slot, child.promoted = parent.num + 1, slot, False
    signer = due(parent, slot)
    if confirmed > child.num - 1:
        raise Refused("confirmed_too_large")
    if signer in parent.newest_of and not parent.newest_of[signer] < child.num - confirmed:
        raise Refused("double_confirm")
    _vote(child, confirmed, wanted=2 * len(parent.active) // 3 + 1)
    # Finality: the votes of the state before, the signer's brought up to the state before.
    votes = {**parent.implied_by}
    if signer in votes:
        votes[signer] = parent.proposed
    child.lib = _greatest_with_quorum(list(votes.values()))
    if parent.waiting is not None and child.lib >= parent.waiting_num:
        _promote(child, parent, signer)
    else:
        child.implied_by[signer] = parent.proposed
    child.newest_of[signer] = child.num
    return child


def announce(child: Second, names: list[str], version: int) -> Second:
    """Return the child when its header carries names as the next schedule.

    Raises:
        Refused: not now, not this.
    """
    fits = child.waiting is None and not child.promoted and version == child.version + 1
    if not (fits and names and all(a < b for a, b in itertools.pairwise(names))):
        raise Refused("bad_new_producers")
    child = copy.deepcopy(child)
    child.waiting, child.waiting_version, child.waiting_num = list(names), version, child.num
    return child


def _vote(child: Second, confirmed: int, *, wanted: int) -> None:
    child.wanted[child.num], child.given[child.num] = wanted, 0
    _forget(child, up_to=child.num - WINDOW)
    for num in range(child.num, child.num - confirmed - 1, -1):
        if num not in child.wanted:
            break
        child.given[num] += 1
        if child.given[num] == child.wanted[num]:
            child.proposed = num
            _forget(child, up_to=num)
            break


def _forget(state: Second, *, up_to: int) -> None:
    for num in [num for num in state.wanted if num <= up_to]:
        del state.wanted[num], state.given[num]


def _greatest_with_quorum(votes: list[int]) -> int:
    quorum = len(votes) - (len(votes) - 1) // 3
    reached = [x for x in votes if sum(vote >= x for vote in votes) >= quorum]
    return max(reached, default=0)


def _promote(child: Second, parent: Second, signer: str) -> None:
    assert parent.waiting is not None
    child.active, child.version = list(parent.waiting), parent.waiting_version
    child.waiting, child.promoted = None, True
    child.newest_of = {q: parent.newest_of.get(q, child.lib) for q in child.active}
    child.implied_by = {q: parent.implied_by.get(q, child.lib) for q in child.active}
    if signer in child.active:
        child.implied_by[signer] = parent.proposed
