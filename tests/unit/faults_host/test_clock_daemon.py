"""Holding and starting time daemons, with a systemctl that only writes down what it is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from faults.host.clock.clock_daemon import hold, resume
from faults.host.clock.clock_setters import HOLDABLE


@pytest.fixture
def fakes(tmp_path: Path) -> Path:
    """Return a folder whose systemctl lists $ACTIVE, notes other calls, and fails with $FAIL."""
    script = f"""#!/bin/sh
if [ "$1" = list-units ]; then for u in $ACTIVE; do echo "$u loaded active running"; done; exit; fi
echo "$@" >> {tmp_path}/calls
sleep 0.1
[ -z "$FAIL" ]
"""
    program = tmp_path / "systemctl"
    program.write_text(script)
    program.chmod(0o755)
    (tmp_path / "calls").touch()
    return tmp_path


def started(fakes: Path, words: tuple[str, ...], **variables: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(words, env={"PATH": f"{fakes}:/usr/bin:/bin", **variables})


def calls(fakes: Path) -> list[str]:
    return (fakes / "calls").read_text().splitlines()


def test_what_is_held_is_started_again_and_nothing_else(fakes: Path) -> None:
    held = fakes / "x.held"
    assert started(fakes, hold(held).words, ACTIVE="chrony.service ntp.service").wait(20) == 0
    assert calls(fakes) == ["stop chrony.service", "stop ntp.service"]
    held.write_text(held.read_text() + "evil.service\n")
    assert started(fakes, resume(held).words).wait(20) == 0
    assert calls(fakes)[2:] == ["start chrony.service", "start ntp.service"]
    assert not held.exists()


def test_a_unit_made_from_a_template_is_held_by_its_whole_name(fakes: Path) -> None:
    held = fakes / "x.held"
    assert started(fakes, hold(held).words, ACTIVE="phc2sys@eth0.service").wait(20) == 0
    assert started(fakes, resume(held).words).wait(20) == 0
    assert calls(fakes) == ["stop phc2sys@eth0.service", "start phc2sys@eth0.service"]


def test_a_host_without_a_time_daemon_has_nothing_held(fakes: Path) -> None:
    held = fakes / "x.held"
    assert started(fakes, hold(held).words, ACTIVE="").wait(20) == 0
    assert started(fakes, resume(held).words).wait(20) == 0
    assert calls(fakes) == []


def test_agent_and_dead_man_together_start_the_daemon_once(fakes: Path) -> None:
    held = fakes / "x.held"
    held.write_text("chrony.service\n")
    both = [started(fakes, resume(held).words) for _ in range(3)]
    assert [each.wait(20) for each in both] == [0, 0, 0]
    assert calls(fakes) == ["start chrony.service"]


def test_a_daemon_that_does_not_start_stays_written_down(fakes: Path) -> None:
    held = fakes / "x.held"
    held.write_text("chrony.service\n")
    assert started(fakes, resume(held).words, FAIL="1").wait(20) == 1
    assert held.read_text() == "chrony.service\n"
    assert started(fakes, resume(held).words).wait(20) == 0
    assert not held.exists()


def test_no_daemon_is_named_twice() -> None:
    assert len(set(HOLDABLE)) == len(HOLDABLE)
