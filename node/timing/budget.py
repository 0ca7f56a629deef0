"""How much of a slot transactions may take: blocks come first, and who sends more is told so.

No clock in here: times are arguments, on the clock that no fault touches.
"""

ALWAYS = 64
"""So many transactions a slot are looked at, however long the machine takes for them."""
LOCAL_PERCENT, ALL_PERCENT = 40, 60
"""Of a slot. What comes from peers is in their mempools already, and will be in a block: it is
refused later than what a client here asks for."""


class Budget:
    """Mutable: what the slot at hand has been spent on, and how many were refused for it."""

    __slots__ = ("_looked_at", "_refused", "_slot", "_slot_ns", "_spent_ns")

    def __init__(self, slot_ns: int) -> None:
        self._slot_ns = slot_ns
        self._slot = self._looked_at = self._spent_ns = self._refused = 0

    def allows(self, now_ns: int, *, local: bool) -> bool:
        """Return whether there is time for a transaction, of a client of this host or of a peer."""
        slot = now_ns // self._slot_ns
        if slot != self._slot:
            self._slot, self._looked_at, self._spent_ns = slot, 0, 0
        percent = LOCAL_PERCENT if local else ALL_PERCENT
        if self._looked_at >= ALWAYS and self._spent_ns * 100 >= self._slot_ns * percent:
            self._refused += 1
            return False
        self._looked_at += 1
        return True

    def spend(self, ns: int) -> None:
        """Note how long a transaction took."""
        self._spent_ns += ns

    def take_refused(self) -> int:
        """Return how many were refused since the last call."""
        refused, self._refused = self._refused, 0
        return refused
