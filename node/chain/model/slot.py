"""Slots: absolute numbers of equal intervals since 2000, and the producer each belongs to."""

from dataclasses import dataclass

NS_PER_S = 1_000_000_000
EPOCH_NS = 946_684_800 * NS_PER_S
"""2000-01-01T00:00:00Z, where slot 0 of every interval length is."""


@dataclass(frozen=True, slots=True)
class SlotClock:
    """Maps wall time to slots: slot s is labelled with time EPOCH_NS + s * slot_ns.

    early_ns: how long before its time a block is finished, by position in the turn; less than a
    slot. begun_ns: how long before its time work on it begins, by position too, not before the one
    before it is finished; meanwhile its producer takes no block. (): whoever builds takes blocks.
    processing_ns: how long the transactions of a block may take, None for as long as they do;
    propagation_ns: how long before the next block's time its own must be out.
    """

    slot_ns: int
    early_ns: tuple[int, ...] = (0,)
    begun_ns: tuple[int, ...] = ()
    processing_ns: int | None = None
    propagation_ns: int = 0

    def __post_init__(self) -> None:
        if self.slot_ns <= 0:
            raise ValueError(f"slot_ns must be positive, got {self.slot_ns}")
        if not all(0 <= early_ns < self.slot_ns for early_ns in self.early_ns):
            raise ValueError(f"early_ns must be at least 0 and less than a slot: {self.early_ns}")

    def wake_ns(self, slot: int) -> int:
        """Return the wall time at which the producer of slot finishes its block."""
        return EPOCH_NS + slot * self.slot_ns - self.early_ns[slot % len(self.early_ns)]

    def woken_at(self, wall_ns: int) -> int:
        """Return the newest slot whose wake_ns is not after wall_ns."""
        slot, past_ns = divmod(wall_ns - EPOCH_NS, self.slot_ns)
        early_ns = self.early_ns[(slot + 1) % len(self.early_ns)]
        return slot + 1 if past_ns + early_ns >= self.slot_ns else slot

    def at_work(self, wall_ns: int) -> int | None:
        """Return the slot whose producer takes no block at wall_ns, as it builds its own."""
        if not self.begun_ns:
            return None
        slot = self.woken_at(wall_ns) + 1
        begun_ns = self.begun_ns[slot % len(self.begun_ns)]
        return slot if self.time_ns(slot) - begun_ns <= wall_ns else None

    @property
    def most_us(self) -> int | None:
        """Return what the transactions of a block may cost together, None for no limit."""
        return None if self.processing_ns is None else self.processing_ns // 1_000

    def left_ns(self, slot: int, wall_ns: int) -> int | None:
        """Return how long the transactions of slot's block may take from wall_ns on; None: as ever.

        The block must be out so long before the next one is finished that it can travel.
        """
        if self.processing_ns is None:
            return None
        handed_over_ns = self.wake_ns(slot) + self.slot_ns - self.propagation_ns
        return max(0, min(self.processing_ns, handed_over_ns - wall_ns))

    def time_ns(self, slot: int) -> int:
        """Return the wall time of slot, in ns since 1970."""
        return EPOCH_NS + slot * self.slot_ns

    def slot_at(self, wall_ns: int) -> int:
        """Return the newest slot whose time is not after wall_ns.

        Source: eosio libraries/chain/include/eosio/chain/block_timestamp.hpp (any interval instead
        of 500 ms).
        """
        return (wall_ns - EPOCH_NS) // self.slot_ns


def producer_index(slot: int, producer_count: int, blocks_per_turn: int) -> int:
    """Return the position in the schedule of the producer that slot belongs to.

    The mapping is absolute: block numbers play no part, and another schedule length changes the
    phase.
    """
    return slot % (producer_count * blocks_per_turn) // blocks_per_turn
