"""What being looked at costs is told by trials with and without, with an interval if they can."""

from __future__ import annotations

import pytest

from harness.bench import probe_effect
from harness.bench.probe_effect import Trial, compared


def test_a_difference_has_an_interval_where_there_are_enough_trials() -> None:
    off = [Trial(4000.0 + n, 0.0, 2.0) for n in range(10)]
    on = [Trial(4030.0 + n, 0.0, 2.5) for n in range(10)]
    rows = compared(off, on)
    assert [(row.what, row.unit, row.value, row.n, row.floor) for row in rows] == [
        ("finality, p99", "ms", 4034.5, 10, 4004.5),
        ("finality, p99, more by being looked at", "ms", 30.0, 10, None),
        ("finality, p99, at least (95 %)", "ms", 27.0, 10, None),
        ("finality, p99, at most (95 %)", "ms", 33.0, 10, None),
        ("slots missed", "", 0.0, 10, 0.0),
        ("slots missed, more by being looked at", "", 0.0, 10, None),
        ("slots missed, at least (95 %)", "", 0.0, 10, None),
        ("slots missed, at most (95 %)", "", 0.0, 10, None),
        ("processor of a host", "% of a core", 2.5, 10, 2.0),
        ("processor of a host, more by being looked at", "% of a core", 0.5, 10, None),
        ("processor of a host, at least (95 %)", "% of a core", 0.5, 10, None),
        ("processor of a host, at most (95 %)", "% of a core", 0.5, 10, None),
    ]


@pytest.mark.long
def test_real_nodes_are_measured_with_and_without_being_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("TRIALS", 1), ("LASTS_S", 3.0), ("SETTLED_S", 6.0)):
        monkeypatch.setattr(probe_effect, name, value)
    finality, more, missed, _, processor, _ = probe_effect.rows()
    assert (finality.n, more.what) == (1, "finality, p99, more by being looked at")
    assert min(finality.value or 0, finality.floor or 0) > 0
    assert min(missed.value or 0, missed.floor or 0) >= 0
    assert min(processor.value or 0, processor.floor or 0) > 0
