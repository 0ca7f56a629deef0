"""A figure of the bench, and the floor it stands on."""

import os
import statistics
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from faults.host.boottime import boottime_ns
from metrics.model.quantiles import quantile


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One figure, what a bare way of doing the like took in the same run, and how both differ.

    value and floor are in unit; n is how many samples the value is of. before is the value that
    other code has, measured right after. skipped says why there is no value.
    """

    bench: str
    what: str
    unit: str = ""
    value: float | None = None
    n: int = 0
    floor: float | None = None
    floor_is: str = ""
    before: float | None = None
    skipped: str = ""

    @property
    def ratio(self) -> float | None:
        """Return value by floor; None where there is none of either."""
        return self._by(self.floor)

    @property
    def by_before(self) -> float | None:
        """Return value by the one before; None where there is none of either."""
        return self._by(self.before)

    def _by(self, other: float | None) -> float | None:
        return self.value / other if self.value is not None and other else None


def of_samples(
    bench: str, what: str, samples: Sequence[float], floors: Sequence[float], floor_is: str
) -> list[Row]:
    """Return the median, the 99th percentile and the largest of times in ms, beside the floors'."""
    kinds = (
        ("median", statistics.median),
        ("p99", lambda some: quantile(sorted(some), 0.99)),
        ("largest", max),
    )
    return [
        Row(
            bench=bench, what=f"{what}, {name}", unit="ms", value=of(samples), n=len(samples),
            floor=of(floors), floor_is=floor_is,
        )
        for name, of in kinds
    ]  # fmt: skip


class BareTimer:
    """Sleeps until each of some moments on the boot clock, beside whatever else goes on."""

    def __init__(self, due_ns: Sequence[int]) -> None:
        self.late_ms: list[float] = []
        self._due_ns = sorted(due_ns)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        for due_ns in self._due_ns:
            time.sleep(max(0, due_ns - boottime_ns()) / 1e9)
            self.late_ms.append((boottime_ns() - due_ns) / 1e6)

    def end(self) -> list[float]:
        """Return how late it woke each time, in ms, once the last moment is over."""
        self._thread.join()
        return self.late_ms
