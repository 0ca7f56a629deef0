"""Who sets a host's clock is found by signs, so that a clock fault never fights with a stranger."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faults.host.clock import clock_setters
from faults.kinds.clock import clock_faults, clock_readback
from faults.kinds.clock.clock_faults import ClockStep
from faults.model.fault import FaultError
from tests.waiting import wait_until

ALL, TIME = 0x1FFFFFFFFFF, 1 << 25
NTP_SOCKET = "  77: 0100007F:007B 00000000:0000 07 0:0 00:00000000 00000000 0 0 4711 2"
FRESH = {"synchronised": True, "error_max_ns": 900_000_000}


class Box:
    """A host made of files: its processes, and what its systemctl prints."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.proc = root / "proc"
        for folder in ("net", "self"):
            (self.proc / folder).mkdir(parents=True)
        (self.proc / "self" / "uid_map").write_text("0 0 4294967295\n")
        (root / "bin").mkdir()
        self.says("list-units", "")

    def process(
        self, pid: int, name: str, caps: int, unit: str = "", *, uids: str = "0 0 4294967295"
    ) -> None:
        folder = self.proc / str(pid)
        (folder / "fd").mkdir(parents=True)
        lines = f"Name:\t{name}\nVmSize:\t1 kB\nCapPrm:\t{caps:016x}\nCapEff:\t{caps:016x}\n"
        (folder / "status").write_text(lines)
        (folder / "cgroup").write_text(f"0::/system.slice/{unit}\n" if unit else "0::/\n")
        (folder / "uid_map").write_text(f"{uids}\n")

    def says(self, words: str, text: str, code: int = 0) -> None:
        """Let systemctl answer what begins with these words."""
        (self.root / "bin" / words.replace(" ", "_")).write_text(text)
        cases = "".join(
            f'"{each.name.replace("_", " ")}"*) cat {each}; exit {code};; '
            for each in sorted((self.root / "bin").iterdir(), reverse=True)
            if each.name != "systemctl"
        )
        program = self.root / "bin" / "systemctl"
        program.write_text(f'#!/bin/sh\ncase "$*" in {cases} esac\n')
        program.chmod(0o755)


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    made = Box(tmp_path)
    monkeypatch.setattr(clock_setters, "PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setattr(clock_setters, "_JOBS", (f"{tmp_path}/cron.d/*",))
    monkeypatch.setattr(clock_setters, "kernel", lambda: None)
    return made


def others(box: Box) -> list[str]:
    found: list[str] = clock_setters.found(str(box.proc))["others"]
    return found


def test_a_usual_host_has_nobody_but_the_daemons_that_can_be_held(box: Box) -> None:
    listed = "chrony.service loaded active running chrony\nptp4l@eth0.service loaded active x y\n"
    box.says("list-units", listed)
    box.process(1, "systemd", ALL, "init.scope")
    box.process(300, "chronyd", TIME, "chrony.service")
    box.process(301, "ptp4l", ALL, "ptp4l@eth0.service")
    box.process(400, "sshd", ALL, "ssh.service")
    box.process(500, "python3", ALL & ~(1 << 16), "slotlab-agent.service")
    box.process(550, "fwupd", ALL & ~(1 << 16), "fwupd.service")
    box.process(600, "dbus-daemon", 1 << 29, "dbus.service")
    box.process(700, "systemd-timedat", TIME, "systemd-timedated.service")
    box.process(800, "chrome", ALL, "user@1000.service", uids="1000 1000 1")
    found = clock_setters.found(str(box.proc))
    assert found == {
        "daemons": ["chrony.service", "ptp4l@eth0.service"], "kernel": None, "others": []
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "caps", "unit", "line"),
    [
        ("phc2sys", ALL, "ours.service", "phc2sys of ours.service (it is known to set clocks)"),
        ("VBoxService", ALL, "vboxadd-service.service",
         "VBoxService of vboxadd-service.service (it is known to set clocks)"),
        ("gpsclock", TIME | 2, "gps.service",
         "gpsclock of gps.service (it was given CAP_SYS_TIME)"),
        ("chronyd", TIME, "docker-1a2b.scope",
         "chronyd of docker-1a2b.scope (it is known to set clocks)"),
        ("mytimed", ALL, "mytimed.service",
         "mytimed of mytimed.service (systemd starts it as a time daemon)"),
        ("rival", ALL, "rival.service",
         "rival of rival.service (systemd starts it as a time daemon)"),
        ("anything", TIME, "", "anything, process 300 (it was given CAP_SYS_TIME)"),
    ],
)  # fmt: skip
def test_a_stranger_that_sets_the_clock_is_named_with_its_sign(
    box: Box, name: str, caps: int, unit: str, line: str
) -> None:
    box.says("show -p After", "mytimed.service time-set.target\n")
    box.says("show -p ConflictedBy", "rival.service\n")
    box.process(300, name, caps, unit)
    assert others(box) == [line]


def test_a_process_of_root_that_speaks_ntp_is_named_and_our_own_node_is_not(box: Box) -> None:
    (box.proc / "net" / "udp").write_text(f"  sl local rem\n{NTP_SOCKET}\n")
    box.process(300, "homemade", ALL, "homemade.service")
    (box.proc / "300" / "fd" / "7").symlink_to("socket:[4711]")
    box.process(301, "sshd", ALL, "ssh.service")
    (box.proc / "301" / "fd" / "3").symlink_to("socket:[99]")
    box.process(302, "python3", 0, "slotlab-node.service")
    assert others(box) == ["homemade of homemade.service (it has a socket of NTP or PTP)"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("0 4 * * * root ntpdate -u pool.example\n", ["ntpdate in {} (at times)"]),
        ("@daily root /usr/sbin/hwclock --hctosys\n", ["hwclock in {} (at times)"]),
        ("* * * * * root date --set=@0\n", ["date in {} (at times)"]),
        ("* * * * * root chronyd -q 'server a'\n", ["chronyd in {} (at times)"]),
        ("# ntpdate was here\n", []),
        ("@hourly root fake-hwclock save; date +%s > /x; date | sort -s\n", []),
        ("@daily root hwclock --systohc\n", []),
    ],
)
def test_a_job_of_cron_that_sets_the_clock_is_named(box: Box, text: str, lines: list[str]) -> None:
    job = box.root / "cron.d" / "job"
    job.parent.mkdir()
    job.write_text(text)
    assert others(box) == [line.format(job) for line in lines]


def test_a_timer_whose_service_sets_the_clock_is_named(box: Box) -> None:
    box.says("show -p Triggers", "logrotate.service\nsync.service\n")
    shown = "Id=logrotate.service\nExecStart={ path=/usr/sbin/logrotate }\n\n"
    box.says("show -p Id", f"{shown}Id=sync.service\nExecStart={{ argv[]=/usr/bin/sntp -S x }}\n")
    assert others(box) == ["sntp in sync.service (at times)"]


def test_a_clock_that_somebody_unseen_keeps_right_is_said(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_setters, "kernel", lambda: FRESH)
    assert [line.partition(":")[0] for line in others(box)] == ["somebody unknown"]
    monkeypatch.setattr(clock_setters, "kernel", lambda: FRESH | {"error_max_ns": 1_000_000_000})
    assert others(box) == []


def test_a_systemctl_that_fails_is_no_sign_that_nobody_sets_the_clock(box: Box) -> None:
    box.says("list-units", "", code=1)
    assert others(box) == ["systemctl does not say who does"]


@pytest.fixture
def granted() -> Iterator[int]:
    """Yield the process id of a real process that has CAP_SYS_TIME and no other capability."""
    words = ["setpriv", "--inh-caps=-all,+sys_time", "--bounding-set=-all,+sys_time", "sleep", "60"]
    process = subprocess.Popen(words)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: gives a process CAP_SYS_TIME alone")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv (util-linux)")
def test_a_real_process_that_was_given_the_clock_is_found(granted: int) -> None:
    wait_until(lambda: Path(f"/proc/{granted}/comm").read_text() == "sleep\n")
    seen = {process.pid: process for process in clock_setters.processes()}
    if granted not in seen:
        pytest.skip("this machine's root may not set its clock")
    assert (seen[granted].name, seen[granted].caps) == ("sleep", TIME)
    assert os.getpid() not in seen


def test_what_setters_prints_is_what_found_returns() -> None:
    path = clock_setters.__file__
    done = subprocess.run([sys.executable, "-S", "-E", path], capture_output=True, check=True)
    assert set(json.loads(done.stdout)) == {"daemons", "kernel", "others"}


def test_only_faults_of_the_hosts_clock_are_refused_beside_a_stranger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def found() -> dict[str, Any]:
        return {"others": ["phc2sys of x.service (y)"]}

    monkeypatch.setattr(clock_setters, "found", found)
    own = ClockStep(id="a", at_ns=0, for_ns=1, by_ns=1)
    clock_faults.check_nobody_else([own])
    for level in ("host", "daemon"):
        with pytest.raises(FaultError, match=r"b: also sets this clock: phc2sys of x\.") as caught:
            clock_faults.check_nobody_else(
                [own, ClockStep(id="b", at_ns=0, for_ns=1, by_ns=1, level=level)]
            )
        assert caught.value.reason == "foreign_clock_setter"


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_text_in_proc_is_read_without_an_error(
    tmp_path_factory: pytest.TempPathFactory, status: bytes, table: bytes
) -> None:
    proc = tmp_path_factory.mktemp("proc")
    for folder in ("1", "net", "self"):
        (proc / folder).mkdir()
    (proc / "1" / "status").write_bytes(b"CapPrm:\t" + status + b"\nCapEff:\t" + table)
    for name in ("cgroup", "uid_map"):
        (proc / "1" / name).write_bytes(table)
    (proc / "net" / "udp").write_bytes(b"head\n" + table)
    assert isinstance(clock_setters.processes(str(proc)), list)
    assert isinstance(clock_setters._sockets(str(proc)), dict)


FIELD = st.sampled_from(["", "1", "-0.5", "inf", "nan", "1e308", "Normal"]) | st.text(max_size=9)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FIELD, max_size=16).map(",".join))
def test_whatever_chrony_says_is_evidence_or_none(
    monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setattr(clock_readback, "output", lambda words, timeout_s: (0, line, ""))
    assert isinstance(clock_readback.chrony_tracking(), dict)
