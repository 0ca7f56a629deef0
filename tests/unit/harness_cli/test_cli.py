"""The command line in a process of its own: one line on standard error, and its exit status.

What else may be wrong, and how that is answered: tests/vectors/wrong_inputs.txt.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.__main__ import main

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
RACK = """
all:
  vars: {ansible_user: nobody, slotlab_lab: hardware}
  children:
    nodes:
      hosts:
        n1: {ansible_host: 127.0.0.1, ansible_port: 9, slotlab_address: 192.0.2.1}
        n2: {ansible_host: 127.0.0.1, ansible_port: 9, slotlab_address: 192.0.2.2}
        n3: {ansible_host: 127.0.0.1, ansible_port: 9, slotlab_address: 192.0.2.3}
        n4: {ansible_host: 127.0.0.1, ansible_port: 9, slotlab_address: 192.0.2.4}
"""


def slotlab(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Return what the command did, run with the folder as state home."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def rack(folder: Path) -> str:
    path = folder / "rack.yml"
    path.write_text(RACK)
    return str(path)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["run", "dmo", "-i", "RACK"], 2, "dmo: no such campaign file; did you mean demo?"),
        (["run", "demo", "-i", "RACK", "--runs", "r"], 3, "n1: ssh: "),
    ],
)
def test_a_mistake_is_one_line_with_its_exit_status(
    tmp_path: Path, words: list[str], status: int, message: str
) -> None:
    inventory = rack(tmp_path)
    done = slotlab(tmp_path, *(inventory if word == "RACK" else word for word in words))
    assert done.returncode == status, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("slotlab: ")
    assert message in lines[0]
    assert not (tmp_path / "r").exists(), "nothing half-done"


def test_a_plan_is_printed_without_asking_any_host(tmp_path: Path) -> None:
    done = slotlab(tmp_path, "plan", "demo", "-i", rack(tmp_path), "--offline")
    assert done.returncode == 0, done.stderr
    assert "predicted finality lag undisturbed: 7 to 8 blocks; quorum 3 of 4" in done.stdout
    assert "partition" in done.stdout


def test_a_plan_says_at_once_which_hosts_it_asks(tmp_path: Path) -> None:
    done = slotlab(tmp_path, "plan", "demo", "-i", rack(tmp_path))
    waiting = "asking what they can do: 0 of 4 answered; waiting for n1, n2, n3, n4"
    assert (done.returncode, done.stdout.strip()) == (3, waiting)


def test_a_demo_without_root_says_what_works_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "argv", ["slotlab", "demo"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert "no root on this machine" in line
    assert "Without root: `slotlab plan" in line
