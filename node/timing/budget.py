"""How much of a slot transactions may take: blocks come first, and who sends more is told so.

No clock in here: times are arguments, on the clock that no fault touches.
"""

ALWAYS = 64
"""So many transactions a slot are looked at, however long the machine takes for them."""
LOCAL_PERCENT, ALL_PERCENT = 40, 60
"""Of a slot. What comes from peers is in their mempools already, and will be in a block: it is
refused later than what a client here asks for."""


class Budget:
    """Mutable: what the slot at hand has been spent on, and how many were refused for it.

    begin and end go around each batch. How long one transaction takes follows from those before.
    """

    __slots__ = (
        "_batch", "_begun_ns", "_looked_at", "_refused", "_seen", "_seen_ns", "_slot", "_slot_ns",
        "_spent_ns",
    )  # fmt: skip

    def __init__(self, slot_ns: int) -> None:
        self._slot_ns = slot_ns
        self._slot = self._looked_at = self._spent_ns = self._refused = 0
        self._seen = self._seen_ns = self._batch = self._begun_ns = 0

    def begin(self, count: int, now_ns: int, *, local: bool) -> int:
        """Return for how many of count transactions there is time: the first; others are refused.

        local: a client of this host sent them, not a peer.
        """
        slot = now_ns // self._slot_ns
        if slot != self._slot:
            self._slot, self._looked_at, self._spent_ns = slot, 0, 0
            if self._seen > ALWAYS:
                # All before this slot counts as much as so many.
                self._seen_ns = self._seen_ns * ALWAYS // self._seen
                self._seen = ALWAYS
        percent = LOCAL_PERCENT if local else ALL_PERCENT
        left_ns = self._slot_ns * percent // 100 - self._spent_ns
        each_ns = self._seen_ns // self._seen if self._seen else 0
        room = max(0, ALWAYS - self._looked_at, left_ns // max(1, each_ns))
        self._batch, self._begun_ns = min(count, room), now_ns
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

    def take_refused(self) -> int:
        """Return how many were refused since the last call."""
        refused, self._refused = self._refused, 0
        return refused
