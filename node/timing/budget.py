"""How much of a slot transactions may take: blocks come first, and who sends more is told so.

No clock in here: times are arguments, on the clock that no fault touches. They are not of the
processor: a slot passes, too, while others have that.
"""

ALWAYS = 64
"""So many transactions a slot are looked at, however long the machine takes for them."""
LOCAL_PERCENT, ALL_PERCENT = 60, 80
"""Of a slot, blocks included. What comes from peers is in their mempools already, and will be in a
block: it is refused later than what a client here asks for."""
WAITING_PERCENT = 30
"""Of a slot: so long may a block take that holds all that waits, else clients must wait. It is
made, then executed by peers before the next one is due; without peers it may take twice as long."""
WAITING_LEAST = 500
"""So many may wait whatever blocks took: those of a few transactions say little of large ones."""
TOLD_BY_LEAST = 16
"""A block of fewer transactions does not tell how long one takes in it."""


class Budget:
    """Mutable: what the slot at hand has been spent on, and how many were refused for it.

    begin and end go around each batch. How long one transaction takes, as it comes and in a block,
    follows from those before.
    """

    __slots__ = (
        "_batch", "_begun_ns", "_in_block_ns", "_looked_at", "_refused", "_seen", "_seen_ns",
        "_slot", "_slot_ns", "_spent_ns",
    )  # fmt: skip

    def __init__(self, slot_ns: int) -> None:
        self._slot_ns = slot_ns
        self._slot = self._looked_at = self._spent_ns = self._refused = 0
        self._seen = self._seen_ns = self._batch = self._begun_ns = self._in_block_ns = 0

    def begin(
        self, count: int, now_ns: int, *, local: bool, waiting: int = 0, behind: bool = False,
        alone: bool = False,
    ) -> int:  # fmt: skip
        """Return for how many of count transactions there is time: the first; others are refused.

        local: a client of this host sent them, not a peer. Then it counts how many wait for a
        block, and whether this node is behind with what peers have sent, or is alone.
        """
        self._turn(now_ns)
        each_ns = self._seen_ns // self._seen if self._seen else 0
        percent = LOCAL_PERCENT if local and not alone else ALL_PERCENT
        room = (self._slot_ns * percent // 100 - self._spent_ns) // max(1, each_ns)
        if local:
            block_ns = self._slot_ns * WAITING_PERCENT * (1 + alone) // 100
            most = block_ns // max(1, self._in_block_ns)
            room = 0 if behind else min(room, max(most, WAITING_LEAST) - waiting)
        self._batch, self._begun_ns = min(count, max(0, room, ALWAYS - self._looked_at)), now_ns
        self._looked_at += self._batch
        self._refused += count - self._batch
        return self._batch

    def end(self, now_ns: int) -> None:
        """Note that what there was time for is done."""
        took_ns = now_ns - self._begun_ns
        self._spent_ns += took_ns
        if self._batch:
            self._seen += self._batch
            self._seen_ns += took_ns

    def block(self, count: int, begun_ns: int, now_ns: int) -> None:
        """Note that a block of count transactions took that time, made or received."""
        self._turn(begun_ns)
        self._spent_ns += now_ns - begun_ns
        if count >= TOLD_BY_LEAST:
            each_ns = (now_ns - begun_ns) // count
            self._in_block_ns = ((self._in_block_ns or each_ns) + each_ns) // 2

    def take_refused(self) -> int:
        """Return how many were refused since the last call."""
        refused, self._refused = self._refused, 0
        return refused

    def _turn(self, now_ns: int) -> None:
        slot = now_ns // self._slot_ns
        if slot == self._slot:
            return
        self._spent_ns = max(0, self._spent_ns - (slot - self._slot) * self._slot_ns)
        self._slot, self._looked_at = slot, 0
        if self._seen > ALWAYS:
            # All before this slot counts as much as so many.
            self._seen_ns = self._seen_ns * ALWAYS // self._seen
            self._seen = ALWAYS
