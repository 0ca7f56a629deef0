"""An independent BitShares chain for tests: a list of blocks, everything else worked out from it.

Written from the specification alone and slow on purpose: no state is carried along except the
order of witnesses and the next maintenance, each computed in the plainest way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

WORD = 2**64
FACTOR = 2685821657736338717


@dataclass(frozen=True)
class Made:
    """A block: the slot count it had from its parent, its time and witness."""

    time_s: int
    witness: int
    missed: int
    maintenance: bool


@dataclass
class SecondChain:
    """The chain after some blocks; witnesses are 0 to count - 1, until others are elected."""

    count: int
    genesis_s: int
    interval_s: int
    maintenance_s: int
    skip_slots: int
    blocks: list[Made] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    active: list[int] = field(default_factory=list)
    due_s: int = 0
    final: int = 0

    def __post_init__(self) -> None:
        self.active = list(range(self.count))
        self.order = list(self.active)

    def is_due(self, k: int, late_s: int = 0) -> bool:
        """Return whether the block of the k-th slot from the head is a maintenance block."""
        return self.due_s <= self.slot_time(k) + late_s

    def slot_time(self, k: int) -> int:
        """Return the time at which the k-th slot from the head begins."""
        if not self.blocks:
            return self.genesis_s + k * self.interval_s
        head = self.blocks[-1]
        if head.maintenance:
            k += self.skip_slots
        return head.time_s // self.interval_s * self.interval_s + k * self.interval_s

    def slots_so_far(self) -> int:
        """Return current_aslot."""
        return sum(block.missed + 1 for block in self.blocks)

    def whose(self, k: int) -> int:
        """Return the witness of the k-th slot from the head."""
        return self.order[(self.slots_so_far() + k) % len(self.order)]

    def append(
        self, k: int, late_s: int = 0, *, elected: list[int] | None = None,
        every_s: int | None = None, skip: int | None = None, interval_s: int | None = None,
    ) -> None:  # fmt: skip
        """Add the block of the k-th slot from the head, and what a maintenance block changes."""
        time_s = self.slot_time(k) + late_s
        maintenance = self.due_s <= time_s
        self.blocks.append(Made(time_s, self.whose(k), k - 1, maintenance))
        self.final = max(self.final, self._final_now())
        self.active = self.active if elected is None else sorted(elected)
        self.maintenance_s = self.maintenance_s if every_s is None else every_s
        self.skip_slots = self.skip_slots if skip is None else skip
        self.interval_s = self.interval_s if interval_s is None else interval_s
        while self.due_s <= time_s:
            step_s = self.maintenance_s
            self.due_s = (time_s // step_s + 1) * step_s if not self.due_s else self.due_s + step_s
        if len(self.blocks) % len(self.active) == 0:
            self._shuffle(time_s)

    def recent(self) -> str:
        """Return the last 128 slots as ones and zeros, the newest last; before block 1: filled."""
        slots = "1" * 128
        for block in self.blocks:
            slots += "1" + "0" * block.missed
        return slots[-128:]

    def _final_now(self) -> int:
        """The highest number that more than 70 % have built on, by trying each."""
        needed = len(self.active) - 3 * len(self.active) // 10
        for num in range(len(self.blocks), 0, -1):
            builders = {block.witness for block in self.blocks[num - 1 :]}
            if len(builders.intersection(self.active)) >= needed:
                return num
        return 0

    def _shuffle(self, time_s: int) -> None:
        order, count = list(self.active), len(self.active)
        for i in range(count):
            k = (time_s * 2**32 + i * FACTOR) % WORD
            k = k ^ k // 2**12
            k = k ^ k * 2**25 % WORD
            k = k ^ k // 2**27
            k = k * FACTOR % WORD
            j = i + k % (count - i)
            order[i], order[j] = order[j], order[i]
        self.order = order
