"""SlotTimer: wakes the event loop at an instant of the *node's* wall clock, by timerfd.

    timer = SlotTimer(loop, clock, on_due)      # on_due(due_ns, wake_error_ns)
    timer.arm(due_ns)                           # one shot; arm again from on_due for the next slot
    timer.close()

The kernel timer is absolute on CLOCK_REALTIME and cancelled when somebody sets that clock. The
node's clock may also be skewed, so the timer wakes at least every 100 ms, reads the clock again and
re-arms: a clock moved forward past due_ns fires within 100 ms (with a large wake_error_ns), one
moved back makes it wait longer. `on_wake`, when given, is called at every one of these wakes,
before on_due, with the node's time and with how late the loop came (0 when the clock was set).
"""

import asyncio
import ctypes
import errno
import os
import time
from collections.abc import Callable

from node.chain.model.slot import NS_PER_S
from node.timing.clock import NodeClock

GUARD_NS = 100_000_000
"""Longest sleep without a look at the skew file."""

_TFD_TIMER_ABSTIME = 1
_TFD_TIMER_CANCEL_ON_SET = 2


class _Timespec(ctypes.Structure):
    _fields_ = (("sec", ctypes.c_long), ("nsec", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class SlotTimer:
    """One pending deadline on the node's clock; see the module's text for the life of it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: NodeClock,
        on_due: Callable[[int, int], None],
        on_wake: Callable[[int, int], None] | None = None,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._on_due = on_due
        self._on_wake = on_wake
        self._due_ns: int | None = None
        self._until_ns = 0
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = _checked(
            self._libc.timerfd_create(time.CLOCK_REALTIME, os.O_NONBLOCK | os.O_CLOEXEC)
        )
        loop.add_reader(self._fd, self._woken)

    def arm(self, due_ns: int) -> None:
        """Call on_due when the node's clock reaches due_ns (soon, if past); replaces any other."""
        self._due_ns = due_ns
        self._sleep(due_ns)

    def close(self) -> None:
        """Never call again; safe to call twice."""
        self._due_ns = None
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _woken(self) -> None:
        late_ns = 0
        try:
            os.read(self._fd, 8)
            late_ns = time.time_ns() - self._until_ns
        except OSError as error:
            if error.errno not in (errno.ECANCELED, errno.EAGAIN):
                raise
        now_ns = self._clock.wall_ns()
        if self._on_wake is not None:
            self._on_wake(now_ns, late_ns)
        due_ns = self._due_ns
        if due_ns is None:
            return
        if now_ns < due_ns:
            self._sleep(due_ns)
            return
        self._due_ns = None
        self._on_due(due_ns, now_ns - due_ns)

    def _sleep(self, due_ns: int) -> None:
        """Set the kernel timer to due_ns in its own time, or to the guard if that is nearer.

        Drift of the node's clock within one guard interval is below what a wake-up can show.
        """
        real_due_ns = due_ns - self._clock.skew_ns()
        now_ns = time.time_ns()
        until_ns = max(1, min(real_due_ns, now_ns + GUARD_NS))
        self._until_ns = max(until_ns, now_ns)
        value = _Timespec(until_ns // NS_PER_S, until_ns % NS_PER_S)
        spec = _Itimerspec(_Timespec(0, 0), value)
        flags = _TFD_TIMER_ABSTIME | _TFD_TIMER_CANCEL_ON_SET
        result = self._libc.timerfd_settime(self._fd, flags, ctypes.byref(spec), None)
        # ECANCELED: the clock was set since the last read; the timer runs all the same.
        if result < 0 and ctypes.get_errno() != errno.ECANCELED:
            _checked(result)


def _checked(result: int) -> int:
    """Return result, or raise the C library's error."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
