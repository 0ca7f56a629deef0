"""A delay that is another on the way back: which way is surely off, by the ends of its interval."""

from __future__ import annotations

import pytest

from metrics.fault_checks.links import each_way
from metrics.fault_checks.links.each_way import Gain
from metrics.model.plan import PlannedFault

MS = 1e6
UNEVEN = PlannedFault(
    id="u", fault="delay", at_ns=0, for_ns=1, targets=["n1", "n2"], how="queue",
    asked={"delay_ns": 40_000_000, "jitter_ns": 0, "back_ns": 10_000_000}, pairs=[("n1", "n2")],
)  # fmt: skip


@pytest.mark.parametrize(("forth_ms", "back_ms", "error_ms", "off"), [
    (40.2, 10.1, 0.3, ""),
    (42.9, 12.1, 0.3, ""),
    (44.0, 10.0, 0.3, "off by +4.0 ms from n1 to n2"),
    (44.0, 10.0, 3.0, ""),
    (40.0, 7.0, 0.3, "off by -3.0 ms from n2 to n1"),
    (10.0, 40.0, 0.3, "off by -30.0 ms from n1 to n2"),
    (25.0, 25.0, 0.3, "off by -15.0 ms from n1 to n2"),
])  # fmt: skip
def test_a_way_is_off_only_where_its_whole_interval_is(
    forth_ms: float, back_ms: float, error_ms: float, off: str
) -> None:
    ways = {
        "forth": {("n1", "n2"): gain(forth_ms, error_ms)},
        "back": {("n2", "n1"): gain(back_ms, error_ms)},
    }
    assert each_way.off(ways, UNEVEN, 2_000_000, 0.02) == off


def gain(ms: float, error_ms: float) -> Gain:
    return Gain(ms * MS, (ms - error_ms) * MS, (ms + error_ms) * MS)
