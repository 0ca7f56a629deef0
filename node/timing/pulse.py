"""The beat of a node that has nothing else to do, and how late its loop was for it.

The slot timer wakes at least ten times a second anyway; that is the only clockwork.
"""

from collections.abc import Callable

from node.chain.model.slot import NS_PER_S

PHASE_NS = 250_000_000
"""Seconds end so long after the clock's: away from where slots begin, and on all hosts at once, so
that what they tell each other then wakes each once, not once for each of the others."""


class Pulse:
    """Calls each_beat at every beat, each_second at the first of a second; whose beats, is its
    owner's to say.
    """

    def __init__(self, *, each_beat: Callable[[], None], each_second: Callable[[], None]) -> None:
        self._each_beat = each_beat
        self._each_second = each_second
        self._second: int | None = None
        self._late_max_ns = 0
        self._stopped = False

    def stop(self) -> None:
        """Call nobody any more."""
        self._stopped = True

    def beat(self, wall_ns: int, late_ns: int) -> None:
        """Take the time on the node's clock, and how much later than asked for this comes."""
        if self._stopped:
            return
        self._late_max_ns = max(self._late_max_ns, late_ns)
        self._each_beat()
        before, self._second = self._second, (wall_ns - PHASE_NS) // NS_PER_S
        if before not in (None, self._second):
            self._each_second()

    def take_late_ns(self) -> int:
        """Return how late the loop was at most since the last call."""
        late_ns, self._late_max_ns = self._late_max_ns, 0
        return late_ns
