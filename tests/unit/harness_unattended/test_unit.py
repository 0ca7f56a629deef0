"""The unit that works a queue through: its file, and who may have one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.controller.version import CLONE
from harness.errors import UsageError
from harness.unattended import unit
from harness.unattended.queue import Queue

AWKWARD = 'a b"c\\d$e%f%%'


def test_the_file_names_what_runs_where_and_when_it_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in unit.KEPT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/u")
    monkeypatch.setenv("XDG_STATE_HOME", "/s")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/gone")
    monkeypatch.setenv("ANSIBLE_BECOME_PASSWORD", "secret")
    queue = Queue(Path("/s/slotlab/queues/rack-1"))
    assert unit.name_of(queue) == "slotlab-queue-rack-1.service"
    assert (
        unit.text_of(queue, "multi-user.target").splitlines()[1:]
        == f"""\
[Unit]
Description=slotlab: runs of the queue rack-1
Wants=network-online.target
After=network-online.target time-sync.target
RequiresMountsFor="{CLONE}" "/s/slotlab/queues/rack-1"
StartLimitIntervalSec=1h
StartLimitBurst=30

[Service]
Type=exec
ExecStart="{sys.executable}" "-P" "-m" "harness.unattended" "work" "/s/slotlab/queues/rack-1"
Environment="XDG_STATE_HOME=/s" "HOME=/home/u" "PYTHONPATH={CLONE}"
KillMode=mixed
TimeoutStopSec=4min
Restart=on-failure
RestartSec=5s

[Install]
WantedBy=multi-user.target""".splitlines()
    )


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_nothing_to_say_about_it_whatever_folders_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", f"/{AWKWARD}")
    queue = Queue(Path(f"/{AWKWARD}/rack"))
    path = tmp_path / unit.name_of(queue)
    path.write_text(unit.text_of(queue, "multi-user.target"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if path.name in line] == []
    assert done.returncode == 0, done.stderr


def test_a_machine_without_systemd_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit, "BOOTED", tmp_path / "none")
    with pytest.raises(UsageError, match=r"^this machine does not run systemd, which would keep"):
        unit.manager()


def test_root_has_a_unit_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit, "BOOTED", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert unit.manager() == unit.Manager(
        systemctl=("systemctl",), folder=Path("/etc/systemd/system"), target="multi-user.target"
    )


def test_a_user_who_lingers_has_one_of_the_users_and_else_is_told_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit, "BOOTED", tmp_path)
    monkeypatch.setattr(unit, "LINGERS", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("LOGNAME", "ann")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with pytest.raises(UsageError, match=r"user ann does not linger, .*: sudo loginctl enable-li"):
        unit.manager()
    (tmp_path / "ann").touch()
    assert unit.manager() == unit.Manager(
        systemctl=("systemctl", "--user"),
        folder=tmp_path / "config" / "systemd" / "user",
        target="default.target",
    )
