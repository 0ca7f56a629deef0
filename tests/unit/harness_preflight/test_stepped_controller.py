"""A controller whose own date is wrong is told from hosts whose date is."""

from __future__ import annotations

import pytest

from harness.preflight.clock import Controller, controller_row, odd_one_out

S = 1_000_000_000
HOUR = 3600 * S
CONTROLLER = Controller(1_000_000 * S, 1_000_002 * S)


def found(*offs_ns: int) -> dict[str, dict[str, dict[str, int]]]:
    """Return hosts that are so far ahead of the controller."""
    return {f"n{i}": {"clock": {"wall_ns": 1_000_001 * S + off}} for i, off in enumerate(offs_ns)}


@pytest.mark.parametrize(
    ("offs_ns", "off_ns"),
    [
        ((HOUR, HOUR + S, HOUR + 40 * S), HOUR),
        ((-HOUR, -HOUR), S - HOUR),
        ((HOUR, HOUR + 61 * S), 0),
        ((HOUR,), 0),
        ((), 0),
        ((0, HOUR), 0),
        ((S, 2 * S), 0),
        ((61 * S, 61 * S), 0),
        ((62 * S, 62 * S), 61 * S),
    ],
    ids=str,
)
def test_it_is_the_controller_when_several_hosts_agree_and_it_does_not(
    offs_ns: tuple[int, ...], off_ns: int
) -> None:
    hosts = found(*offs_ns)
    assert odd_one_out(hosts, CONTROLLER) == off_ns
    if off_ns:
        moved = CONTROLLER.moved(off_ns)
        near = [moved.off_ns(each["clock"]["wall_ns"]) for each in hosts.values()]
        assert max(map(abs, near)) <= 40 * S


def test_it_is_a_warning_with_its_remedy() -> None:
    assert controller_row(0) == []
    (row,) = controller_row(-HOUR)
    assert (row.verdict, row.detail, row.remedy) == (
        "warn",
        "this controller is 60 min ahead of its hosts, which agree",
        "timedatectl set-ntp true here; no trial stands on its clock",
    )
    (row,) = controller_row(HOUR)
    assert "60 min behind its hosts" in row.detail
