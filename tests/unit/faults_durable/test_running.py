"""What a trial started ends with its lease, and until then comes back with a host that lost its
power.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from faults.durable import units_to_restart
from faults.durable.undo_timer import UndoTimers
from faults.durable.units_to_restart import LONGEST_NS, Running, RunningFile
from faults.host.boottime import boot_id, boottime_ns
from faults.host.units import UNITS
from tests.unit.faults_durable.timers import end_timers
from tests.waiting import wait_until

S = 1_000_000_000


@pytest.fixture
def file(tmp_path: Path) -> Iterator[RunningFile]:
    found = RunningFile(tmp_path, UndoTimers(tmp_path, systemd=False))
    yield found
    end_timers(tmp_path)


def rewritten(file: RunningFile, **changes: object) -> None:
    """Write other values into the file, as another boot or another moment would have."""
    known = file.read()
    assert known is not None
    changed = msgspec.structs.replace(known, **changes)
    ends_cs = changed.ends_boottime_ns // 10_000_000
    fresh = file.path.with_suffix(".fresh")
    fresh.write_bytes(f"{ends_cs}\n".encode() + msgspec.json.encode(changed) + b"\n")
    fresh.replace(file.path)


def test_held_units_add_up_and_stopped_ones_go(file: RunningFile) -> None:
    file.hold("t", ["probe"], 60 * S)
    file.hold("t", ["node", "client"], 60 * S)
    found = file.of("t")
    assert found is not None
    assert (found.boot, found.trial) == (boot_id(), "t")
    assert found.units == ["node", "probe", "client"]
    file.stopped(["client"])
    found = file.of("t")
    assert found is not None
    assert found.units == ["node", "probe"]
    file.stopped(["node", "probe"])
    assert file.read() is None


def test_units_of_an_earlier_trial_do_not_count(file: RunningFile) -> None:
    file.hold("t", ["node"], 60 * S)
    file.hold("u", ["probe"], 60 * S)
    found = file.read()
    assert found is not None
    assert (found.trial, found.units) == ("u", ["probe"])
    assert file.of("t") is None


def test_a_lease_alone_starts_nothing_and_a_day_bounds_it(file: RunningFile) -> None:
    assert not file.leased("t", 5 * S)
    assert file.read() is None
    file.hold("t", ["node"], 5 * S)
    for asked_ns, given_ns in ((90 * S, 90 * S), (2 * LONGEST_NS, LONGEST_NS), (9 * S, 9 * S)):
        before_ns = boottime_ns()
        assert file.leased("t", asked_ns)
        found = file.of("t")
        assert found is not None
        assert found.lasts_ns == given_ns
        assert before_ns + given_ns <= found.ends_boottime_ns <= boottime_ns() + given_ns


def test_what_has_ended_is_over_and_no_lease_makes_it_last_again(file: RunningFile) -> None:
    file.hold("t", ["node"], 60 * S)
    assert file.over() is None
    rewritten(file, ends_boottime_ns=boottime_ns() - 1)
    over = file.over()
    assert over is not None
    assert over.units == ["node"]
    assert not file.leased("t", 60 * S)
    assert not file.leased("another", 60 * S)


def test_one_timer_stands_for_a_renewed_lease_and_a_new_one_for_a_shorter(
    file: RunningFile, tmp_path: Path
) -> None:
    def timers() -> set[str]:
        return {path.name for path in tmp_path.glob("deadman-units-*.pid")}

    file.hold("t", ["node"], 600 * S)
    wait_until(lambda: len(timers()) == 1, "its timer waits")
    first = timers()
    file.leased("t", 700 * S)
    file.hold("t", ["client"], 700 * S)
    assert timers() == first
    file.leased("t", 60 * S)
    wait_until(lambda: len(timers()) == 1 and timers() != first, "an earlier one waits instead")
    file.drop()
    assert timers() == set()


@pytest.fixture
def systemctl(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Return what systemctl is told."""
    told: list[tuple[str, ...]] = []

    def tell(words: tuple[str, ...]) -> tuple[int, str, str]:
        told.append(words)
        return 0, "", ""

    monkeypatch.setattr(units_to_restart, "output", tell)
    return told


def test_nothing_comes_back_within_one_boot_or_after_the_end(
    file: RunningFile, systemctl: list[tuple[str, ...]]
) -> None:
    file.hold("t", ["node"], 60 * S)
    assert file.bring_back() == []
    assert file.read() is not None
    rewritten(file, boot="another", until_wall_ns=time.time_ns() - 1)
    assert file.bring_back() == []
    assert file.read() is None
    assert systemctl == []


@pytest.mark.parametrize("ahead_ns", [20 * S, 3600 * S])
def test_what_comes_back_after_a_reboot_ends_when_it_would_have_ended_or_sooner(
    ahead_ns: int, file: RunningFile, systemctl: list[tuple[str, ...]]
) -> None:
    # A clock that lost its time over the reboot shows that there was more of the lease than ever.
    file.hold("t", ["node", "probe"], 60 * S)
    rewritten(file, boot="another", until_wall_ns=time.time_ns() + ahead_ns)
    assert file.bring_back() == ["node", "probe"]
    found = file.of("t")
    assert found is not None
    assert found.lasts_ns <= min(60 * S, ahead_ns)
    units = (UNITS["node"], UNITS["probe"])
    assert systemctl == [("systemctl", "start", "--no-block", *units)]


@pytest.mark.parametrize("data", [b"", b"7\n", b"7\n[]\n", b"x" * 1024, b'7\n{"boot": 1}\n'])
def test_a_torn_file_is_nothing_that_runs(data: bytes, file: RunningFile) -> None:
    file.path.write_bytes(data)
    assert (file.read(), file.over(), file.of("t")) == (None, None, None)
    assert file.bring_back() == []


class Script:
    """end_units.sh with a systemctl that writes down what it is told, and no faults to heal."""

    def __init__(self, file: RunningFile, folder: Path) -> None:
        self.folder = folder
        file.write_script()
        (folder / "heal.sh").write_text(f'echo "heal $*" >> {folder}/calls\n')
        (folder / "bin").mkdir()
        program = folder / "bin" / "systemctl"
        program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\n')
        program.chmod(0o755)
        text = file.script.read_text()
        file.script.write_text(text.replace("PATH=/usr/sbin", f"PATH={folder}/bin:/usr/sbin"))
        self.process = subprocess.Popen(("/bin/sh", str(file.script)), stdout=subprocess.DEVNULL)

    @property
    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []


STOPS = ["heal lease", f"stop {UNITS['client']} {UNITS['probe']} {UNITS['node']}"]


def test_without_an_agent_a_script_heals_and_stops_the_units_and_says_so(
    file: RunningFile, tmp_path: Path
) -> None:
    file.hold("t", ["node"], 60 * S)
    rewritten(file, ends_boottime_ns=boottime_ns() - S)
    script = Script(file, tmp_path)
    assert script.process.wait(20) == 0
    assert script.calls == STOPS
    assert file.read() is None
    ended = file.take_ended()
    assert isinstance(ended, Running)
    assert (ended.trial, ended.units) == ("t", ["node"])
    assert file.take_ended() is None


@pytest.mark.slow
def test_the_script_waits_on_while_the_lease_is_renewed(file: RunningFile, tmp_path: Path) -> None:
    file.hold("t", ["node"], 60 * S)
    rewritten(file, ends_boottime_ns=boottime_ns() + S)
    script = Script(file, tmp_path)
    ends_ns = boottime_ns() + 4 * S
    rewritten(file, ends_boottime_ns=ends_ns)
    assert script.process.wait(60) == 0
    assert boottime_ns() >= ends_ns
    assert script.calls == STOPS


def test_the_script_touches_nothing_that_was_stopped(file: RunningFile, tmp_path: Path) -> None:
    script = Script(file, tmp_path)
    assert script.process.wait(20) == 0
    assert script.calls == []
