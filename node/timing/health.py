"""How well the network uses its slots, as one node sees it: the alarm that a user would heed.

A network that misses slots shows it at once (PROTOCOL B39, C.5): the share of the latest slots for
which the branch of the node's head has a block, and a word for it. Only records that the node
writes anyway are read: no clock and no chain in here.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Literal

import msgspec

from node.config import HealthConfig
from node.events import Applied, Health, SlotDue, Switched

FULL = 10_000
ROUNDS = 2
"""Slots of so many rounds are looked at: in any order of turns each producer has one in them."""
Word = Literal["healthy", "degraded", "halted"]
WORDS: tuple[Word, ...] = ("healthy", "degraded", "halted")
"""From good to bad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation:
    """What became of the latest slots; missed: of those, by who had them."""

    window: int
    missed: Counter[str]

    @property
    def share(self) -> int:
        """Return the share of filled slots in parts of 10,000."""
        return share_of(self.window, self.missed.total())


class HealthMonitor:
    """Mutable: hand it each record that the node writes.

    At the start all slots count as filled, as graphene's recent_slots_filled does.
    """

    def __init__(self, config: HealthConfig, *, producers: int, blocks_per_turn: int) -> None:
        self._config = config
        self._window = config.window_slots or ROUNDS * producers * blocks_per_turn
        self._due: tuple[int, str] | None = None
        self._slots: deque[tuple[int, str]] = deque()
        self._empty: dict[int, str] = {}
        self._branch: deque[tuple[int, int]] = deque()
        self._filled: dict[int, str] = {}
        self._empty_for_good = self._missed_total = 0
        self._ranks: deque[int] = deque(maxlen=max(self._window // ROUNDS, 1))
        self._rank = 0

    @property
    def word(self) -> Word:
        """Return what was told last."""
        return WORDS[self._rank]

    @property
    def participation(self) -> Participation:
        """Return what became of the latest slots, but of the newest, whose block may still come."""
        return Participation(window=self._window, missed=Counter(self._empty.values()))

    @property
    def missed_total(self) -> int:
        """Return how many slots were empty when the next was due, since the start; never falls.

        A block that still comes for one of the latest keeps the next that is empty from counting.
        """
        return self._missed_total

    def see(self, record: msgspec.Struct) -> Health | None:
        """Take a record; return the notice that the network is better or worse than told last."""
        match record:
            case Applied():
                self._fill(record)
            case Switched():
                self._leave(record.ancestor_num)
            case SlotDue():
                return self._pass(record)
        return None

    def _fill(self, block: Applied) -> None:
        self._branch.append((block.num, block.slot))
        self._filled[block.slot] = block.producer
        self._empty.pop(block.slot, None)
        if len(self._branch) > self._window:
            self._filled.pop(self._branch.popleft()[1], None)

    def _leave(self, num: int) -> None:
        """Take the blocks above num for gone: the head left them."""
        owners = dict(self._slots)
        while self._branch and self._branch[-1][0] > num:
            slot = self._branch.pop()[1]
            self._filled.pop(slot, None)
            if slot in owners:
                self._empty[slot] = owners[slot]

    def _pass(self, due: SlotDue) -> Health | None:
        """Judge the slot before this one; slots that belong to nobody are none.

        One whose block is here before it is due has its producer from that.
        """
        producer = due.producer or self._filled.get(due.slot, "")
        if not producer:
            return None
        before, self._due = self._due, (due.slot, producer)
        if before is None:
            return None
        slot, owner = before
        self._slots.append(before)
        if slot not in self._filled:
            self._empty[slot] = owner
        if len(self._slots) > self._window:
            gone, _ = self._slots.popleft()
            self._empty_for_good += self._empty.pop(gone, None) is not None
        self._missed_total = max(self._missed_total, self._empty_for_good + len(self._empty))
        return self._judge(slot)

    def _judge(self, slot: int) -> Health | None:
        """Say the worst word of the latest round: worse at once, better when it has stayed so.

        Where turns are shuffled the share swings from slot to slot.
        """
        share = share_of(self._window, len(self._empty))
        rank = rank_of(share, self._config)
        self._ranks.append(rank)
        if rank < self._rank:
            rank = max(self._ranks)
        if rank == self._rank:
            return None
        self._rank = rank
        return Health(
            state=self.word, slot=slot, participation=share, window=self._window,
            missed=dict(sorted(self.participation.missed.items())),
        )  # fmt: skip


def share_of(window: int, missed: int) -> int:
    """Return the share of filled slots in parts of 10,000, where so many of a window are missed."""
    return FULL * (window - missed) // window


def rank_of(share: int, config: HealthConfig) -> int:
    """Return which of WORDS a share of filled slots deserves."""
    return (share < config.degraded_below) + (share < config.halted_below)
