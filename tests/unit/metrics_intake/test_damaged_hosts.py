"""A damaged record accuses nobody; a breach that stands without it still fails the run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.metrics_build import bend
from tests.unit.metrics_build.bend import Lines, Rebuilt


def other_final_block(lines: Lines, host: str) -> None:
    """Have the host call another block irreversible than it did."""
    [line for line in lines[host] if line["kind"] == "irreversible"][20]["id"] = "f" * 64


def lose(lines: Lines, host: str) -> None:
    """Take three lines of a host's record away."""
    del lines[host][100:103]


def other_state(lines: Lines, host: str) -> None:
    """Have the host come to another state by one block."""
    [x for x in lines[host] if x["kind"] == "applied"][30]["state_digest"] = "other"


def other_block_of_the_slot(lines: Lines, host: str) -> None:
    """Have the host hear of another block than the slot's."""
    next(x for x in lines[host] if x["kind"] == "received")["id"] = "e" * 64


def lower_lib(lines: Lines, host: str) -> None:
    """Have the host resume below what it had called irreversible."""
    [x for x in lines[host] if x["kind"] == "started"][-1]["resumed_lib"] = 3


BREACHES = [
    (other_final_block, "h4", "no_conflicting_finality"),
    (other_state, "h1", "same_state_digest"),
    (other_block_of_the_slot, "h2", "no_double_sign"),
    (lower_lib, "h3", "lib_never_decreases"),
    (lower_lib, "h3", "restart_keeps_state"),
]


@pytest.mark.parametrize(("breach", "host", "name"), BREACHES)
def test_a_breach_that_only_a_damaged_record_shows_is_unknown_and_names_the_host(
    breach: Callable[[Lines, str], None], host: str, name: str, rebuilt: Rebuilt
) -> None:
    def both(lines: Lines) -> None:
        breach(lines, host)
        lose(lines, host)

    summary = rebuilt(both)
    found = bend.check(summary, name)
    assert summary["verdict"] == "invalid"
    assert (found["verdict"], found["details"]) == ("unknown", [])
    assert found["evidence"].startswith(f"without the damaged record of {host} nothing is violated")
    assert summary["stories"] == []


@pytest.mark.parametrize(("breach", "host", "name"), BREACHES)
def test_it_stands_beside_another_hosts_damage(
    breach: Callable[[Lines, str], None], host: str, name: str, rebuilt: Rebuilt
) -> None:
    def both(lines: Lines) -> None:
        breach(lines, host)
        lose(lines, "h1" if host != "h1" else "h2")

    summary = rebuilt(both)
    assert (summary["verdict"], bend.check(summary, name)["verdict"]) == ("fail", "violated")
    if name == "no_conflicting_finality":
        (witness,) = bend.check(summary, name)["details"]
        assert "h1" not in witness["hosts"]
        assert len(summary["stories"]) == 1


def test_numbers_given_twice_with_other_blocks_accuse_nobody(rebuilt: Rebuilt) -> None:
    def twice(lines: Lines) -> None:
        lines["h4"] += [
            line | {"id": "f" * 64} for line in lines["h4"] if line["kind"] == "irreversible"
        ]

    summary = rebuilt(twice)
    assert summary["verdict"] == "invalid"
    assert any("h4: " in reason and "given twice" in reason for reason in summary["invalid"])
    assert {c["verdict"] for c in summary["checks"]} <= {"holds", "unknown"}
