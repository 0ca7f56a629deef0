"""A beat of the event loop, ten times a second, that knows how late the loop was for it."""

import asyncio
from collections.abc import Callable

PULSE_S = 0.1
SECOND_PULSES = 10


class Pulse:
    """Calls each_pulse ten times a second and each_second after every tenth, until stopped."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *,
        each_pulse: Callable[[], None], each_second: Callable[[], None],
    ) -> None:  # fmt: skip
        self._loop = loop
        self._each_pulse = each_pulse
        self._each_second = each_second
        self._beats = 0
        self._due_s = 0.0
        self._late_max_s = 0.0
        self._stopped = False

    def start(self) -> None:
        """Begin: the first beat comes after a tenth of a second."""
        self._due_s = self._loop.time() + PULSE_S
        self._loop.call_at(self._due_s, self._beat)

    def stop(self) -> None:
        """Call nobody any more."""
        self._stopped = True

    def take_late_ns(self) -> int:
        """Return how late the loop was at most since the last call."""
        late_s, self._late_max_s = self._late_max_s, 0.0
        return round(late_s * 1e9)

    def _beat(self) -> None:
        if self._stopped:
            return
        self._late_max_s = max(self._late_max_s, self._loop.time() - self._due_s)
        self._due_s = max(self._due_s + PULSE_S, self._loop.time())
        self._beats += 1
        self._loop.call_at(self._due_s, self._beat)
        self._each_pulse()
        if self._beats % SECOND_PULSES == 0:
            self._each_second()
