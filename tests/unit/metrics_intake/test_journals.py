"""Agents' records of another trial or host: no evidence here, and a disturbance where they say so.

The synthetic run's own label is "1"; the others' records lie over its partition, without which it
could not be installed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.metrics_build.bend import Line, Rebuilt

S = 1_000_000_000


def _journal(run: Path, host: str) -> Path:
    return run / f"trials/1/hosts/{host}/agent.jsonl"


def _lines(run: Path, host: str) -> list[Line]:
    return [json.loads(line) for line in _journal(run, host).read_text().splitlines()]


def _write(run: Path, host: str, lines: list[Line]) -> None:
    _journal(run, host).write_text("".join(json.dumps(line) + "\n" for line in lines))


def _another(run: Path, *changes: tuple[str, float], trial: str = "other.1") -> None:
    """Append to h1's journal a delay's changes in another trial, at seconds since this T0."""
    own = _lines(run, "h1")
    armed = next(x for x in own if x["state"] == "armed" and "t0_mono_ns" in x["read_back"])
    added = [
        armed | {
            "trial": trial, "fault": "delay-9", "kind": "delay", "state": state, "t_ns": 5 * S,
            "mono_ns": armed["read_back"]["t0_mono_ns"] + round(at_s * S), "read_back": {},
            "between_ns": [5 * S, 5 * S],
        }
        for state, at_s in changes
    ]  # fmt: skip
    _write(run, "h1", own + added)


REFUSED = "h1: hosts/h1/agent.jsonl: {} records of another trial (other.1) were refused"
OVER = {
    "ended before": ((("installed", -90), ("healed", -60)), 2),
    "never begun": ((("armed", -90), ("skipped", 3)), 2),
    "begun after": ((("installed", 300),), 1),
}


@pytest.mark.parametrize("what", OVER)
def test_what_another_trial_left_behind_is_dropped_with_a_note(rebuilt: Rebuilt, what: str) -> None:
    changes, count = OVER[what]
    summary = rebuilt(files=lambda run: _another(run, *changes))
    assert (summary["verdict"], summary["invalid"]) == ("pass", [])
    assert f"trial 1: {REFUSED.format(count)}" in summary["notes"]


DISTURBING = {
    "still in force": ((("installed", -90),), 1),
    "healed within": ((("installed", -90), ("healed", 40)), 2),
    "only its end is told": ((("healed", 40),), 1),
    "begun within": ((("applied", 40), ("healed", 60)), 2),
    "not taken back": ((("failed", -10),), 1),
    "armed within": ((("armed", 30),), 1),
}


@pytest.mark.parametrize("what", DISTURBING)
def test_another_trials_fault_in_force_makes_this_one_invalid(rebuilt: Rebuilt, what: str) -> None:
    changes, count = DISTURBING[what]
    summary = rebuilt(files=lambda run: _another(run, *changes))
    assert summary["verdict"] == "invalid"
    assert summary["invalid"] == [f"trial 1: {REFUSED.format(count)}: delay-9 disturbed this one"]
    assert [c["name"] for c in summary["checks"] if c["verdict"] == "violated"] == []


def test_another_trials_records_are_no_evidence_for_a_fault_of_this_one(rebuilt: Rebuilt) -> None:
    def relabel(run: Path) -> None:
        lines = _lines(run, "h1")
        _write(
            run, "h1", [x | {"trial": "other.1"} if x["fault"] == "delay-1" else x for x in lines]
        )

    summary = rebuilt(files=relabel)
    assert summary["verdict"] == "invalid"
    states = {fault["id"]: (fault["state"], fault["reason"]) for fault in summary["faults"]}
    assert states["delay-1"] == ("indeterminate", "no proof of installation from h1")


def test_anothers_journal_in_a_hosts_place_names_both(rebuilt: Rebuilt) -> None:
    def swap(run: Path) -> None:
        _write(run, "h1", _lines(run, "h2"))

    summary = rebuilt(files=swap)
    assert summary["verdict"] == "invalid"
    count = len([x for x in summary["invalid"] if "h1: hosts/h1/agent.jsonl holds" in x])
    assert count == 1
    assert any("records of h2" in reason for reason in summary["invalid"])


VALUES: dict[str, Any] = {
    "t0_mono_ns": 10**30, "dropped": {"input": "abc"}, "seen": -1, "step_ns": "abc",
    "drift_ppb": 1.5, "ntp_offset_ns": [], "freq_before_ppb": 10**30, "ntp_after": "abc",
}  # fmt: skip


@pytest.mark.parametrize("key", VALUES)
def test_what_was_read_back_and_cannot_be_is_one_finding(rebuilt: Rebuilt, key: str) -> None:
    def bend(run: Path) -> None:
        lines = _lines(run, "h1")
        _write(run, "h1", [x | {"read_back": {**x["read_back"], key: VALUES[key]}} for x in lines])

    summary = rebuilt(files=bend)
    assert summary["verdict"] == "invalid"
    broken = [reason for reason in summary["invalid"] if "h1: hosts/h1/agent.jsonl: line" in reason]
    assert len(broken) == 1
