"""The agent ends what a trial has running with its lease, once, and its journal says how."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults.durable import trial_units
from faults.durable.journal import Journal
from faults.durable.trial_units import UNARMED_NS, TrialUnits
from faults.durable.undo_timer import UndoTimers
from faults.durable.units_to_restart import ENDED, NAME, RunningFile
from faults.host import units
from faults.host.boottime import boottime_ns
from faults.model.fault import FaultError
from tests.unit.faults_durable.timers import end_timers

S = 1_000_000_000


class Systemctl:
    """Writes down what systemctl is told; fails where it says so."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []
        self.fails = ""

    def __call__(self, words: tuple[str, ...], timeout_s: float = 1) -> tuple[int, str, str]:
        self.told.append(words[1:])
        return (1, "", "timeout") if words[1] == self.fails else (0, "", "")

    def stops(self) -> list[tuple[str, ...]]:
        return [words[1:] for words in self.told if words[0] == "stop"]


@pytest.fixture
def systemctl(monkeypatch: pytest.MonkeyPatch) -> Systemctl:
    found = Systemctl()
    monkeypatch.setattr(units, "output", found)
    return found


@pytest.fixture
def trial(tmp_path: Path, systemctl: Systemctl) -> Iterator[TrialUnits]:
    file = RunningFile(tmp_path, UndoTimers(tmp_path, systemd=False))
    yield TrialUnits(file, Journal(tmp_path / "agent.jsonl", "n1"), systemd=True)
    end_timers(tmp_path)


def told(trial: TrialUnits) -> list[tuple[Any, ...]]:
    records = [json.loads(line) for line in trial.journal.lines(0)]
    return [(r["trial"], r["state"], r["how"], r["reason"], r["read_back"]) for r in records]


STOPPED = ("t.1", "stopped", "agent", "lease_expired", {"units": ["node", "probe"]})


def test_what_outlives_its_lease_is_stopped_and_told_once(
    trial: TrialUnits, systemctl: Systemctl
) -> None:
    trial.start("t.1", ["node", "probe"], 60 * S)
    trial.end_if_over()
    assert (told(trial), systemctl.stops()) == ([], [])
    trial.file.leased("t.1", 0)
    for _ in range(3):
        trial.end_if_over()
    assert systemctl.stops() == [(units.UNITS["node"], units.UNITS["probe"])]
    assert told(trial) == [STOPPED]
    assert trial.shown() is None


def test_what_leaves_too_little_of_the_disk_is_stopped_and_told_once(
    trial: TrialUnits, systemctl: Systemctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [trial_units.RESERVE_BYTES - 1]
    monkeypatch.setattr(trial_units, "free_bytes", lambda folder: free[0])
    trial.end_if_over()
    assert systemctl.stops() == [], "nothing runs"
    free[0] = trial_units.RESERVE_BYTES
    trial.start("t.1", ["node", "probe"], 60 * S)
    trial.end_if_over()
    assert (told(trial), systemctl.stops()) == ([], [])
    free[0] -= 1
    for _ in range(3):
        trial.end_if_over()
    assert systemctl.stops() == [(units.UNITS["node"], units.UNITS["probe"])]
    assert told(trial) == [("t.1", "stopped", "agent", "no_room", {"units": ["node", "probe"]})]
    assert trial.shown() is None


def test_what_cannot_be_stopped_is_tried_again(trial: TrialUnits, systemctl: Systemctl) -> None:
    trial.start("t.1", ["node", "probe"], 0)
    systemctl.fails = "stop"
    trial.end_if_over()
    assert told(trial) == []
    systemctl.fails = ""
    trial.end_if_over()
    assert told(trial) == [STOPPED]


def test_what_the_timer_has_stopped_is_told_by_the_agent_that_comes_back(
    trial: TrialUnits, systemctl: Systemctl, tmp_path: Path
) -> None:
    trial.start("t.1", ["node", "probe"], 60 * S)
    (tmp_path / NAME).rename(tmp_path / ENDED)
    trial.end_if_over()
    trial.end_if_over()
    assert told(trial) == [(*STOPPED[:2], "timer", *STOPPED[3:])]
    assert systemctl.stops() == []


def test_nothing_is_started_whose_end_could_not_be_kept(
    trial: TrialUnits, systemctl: Systemctl, tmp_path: Path
) -> None:
    with pytest.raises(FaultError, match="known: node, probe, client"):
        trial.start("t.1", ["node", "sshd"], 60 * S)
    assert trial.shown() is None
    (tmp_path / NAME).mkdir()
    with pytest.raises(OSError, match="directory"):
        trial.start("t.1", ["node"], 60 * S)
    assert systemctl.told == []
    (tmp_path / NAME).rmdir()


def test_what_is_not_armed_yet_ends_within_half_an_hour(trial: TrialUnits) -> None:
    before_ns = boottime_ns()
    trial.start("t.1", ["node"], None)
    held = trial.file.of("t.1")
    assert held is not None
    assert before_ns + UNARMED_NS <= held.ends_boottime_ns <= boottime_ns() + UNARMED_NS
