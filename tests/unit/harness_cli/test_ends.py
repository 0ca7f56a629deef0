"""However a command ends, it is one line a problem, the right status, and nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.controller import store
from harness.errors import Interrupted, StoreError
from harness.orchestrator import reporting
from tests.unit.harness_cli.test_cli import RACK

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
RECORDED = ROOT / "tests" / "vectors" / "runs" / "sim"
MATRIX = """
schema: slotlab.campaign/v1
title: two cells
load: {rate: "${rate}"}
matrix: {rate: [1/s, 2/s]}
"""


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start a command in a process group of its own, with Ctrl-C as a terminal gives it.

    What runs in the background of a script ignores it, and its children do.
    """
    return subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-m", "harness", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder / "state")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def slotlab(folder: Path, *words: str) -> tuple[int, str, str]:
    """Return (exit status, standard output, standard error) of a command."""
    process = start(folder, *words)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return (exit status as a shell has it, standard error) of a command after Ctrl-C.

    Python ends itself by the signal where that came while it ran a text of code, as imports do.
    """
    _, err = process.communicate(timeout=120)
    status = process.returncode
    return (status if status >= 0 else 128 - status, err)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the folder of a recorded run, not reported yet."""
    return Path(shutil.copytree(RECORDED, tmp_path / "run"))


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_or_sigterm_while_reporting_says_how_to_finish(run: Path, number: int) -> None:
    process = start(run.parent, "report", str(run))
    assert process.stdout is not None
    process.stdout.readline()  # it has begun
    process.send_signal(number)
    assert ended(process) == (
        130,
        "slotlab: stopped by the operator; the report is not made; finish it with:"
        f" slotlab report {run}\n",
    )
    assert not (run / "summary.json").exists()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Interrupted])
def test_a_report_broken_off_anywhere_leaves_the_one_before_it_whole(
    run: Path, stop: type[BaseException]
) -> None:
    told: list[str] = []
    reporting.report(run, told.append)
    before = files(run)
    assert "writing tables" in told
    for step in told:

        def breaking(text: str, at: str = step) -> None:
            if text == at:
                raise stop

        with pytest.raises(Interrupted, match="finish it with: slotlab report"):
            reporting.report(run, breaking)
        after = files(run)
        assert after.keys() == before.keys()
        assert after["summary.json"] == before["summary.json"]


@pytest.mark.parametrize("words", ["run two --lab sim", "run two -i rack.yml --runs runs"])
def test_a_cell_that_is_not_there_is_named_before_anything_is_done(
    tmp_path: Path, words: str
) -> None:
    (tmp_path / "two").write_text(MATRIX)
    (tmp_path / "rack.yml").write_text(RACK)
    for cell in ("3", "-1"):
        line = f"slotlab: --only {cell}: two has no such cell; it has 1: rate=1/s; 2: rate=2/s\n"
        assert slotlab(tmp_path, *words.split(), "--only", cell) == (2, "", line)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", ["check", "heal", "deploy", "wipe"])
def test_a_host_out_of_reach_is_one_line_and_the_others_are_still_asked(
    tmp_path: Path, command: str
) -> None:
    (tmp_path / "rack.yml").write_text(RACK)
    status, out, err = slotlab(tmp_path, command, "-i", "rack.yml")
    assert (status, err) == (3, "")
    assert out.count("Connection refused") == 4, out
    for host in ("n1", "n2", "n3", "n4"):
        assert sum(host in line.split("│")[:2][-1][:4] for line in out.splitlines()) == 1, out


def test_a_run_folder_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    folder = store.RunFolder(tmp_path / "runs" / "test" / "20260101T000000Z-abcdef")
    folder.path.mkdir(parents=True)
    folder.host(1, "n1")
    shutil.rmtree(folder.path)
    with pytest.raises(StoreError, match="the run folder is gone, and with it this run"):
        folder.host(1, "n1")
    with pytest.raises(StoreError, match="the run folder is gone"):
        folder.write_genesis(1, {"genesis.json": "{}"})
    assert not folder.path.exists()


def test_a_hunt_that_is_broken_off_is_one_line(tmp_path: Path) -> None:
    process = start(tmp_path, "fuzz", "--runs", "100000")
    assert process.stdout is not None
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    assert ended(process) == (130, "slotlab: stopped by the operator\n")


def test_what_a_script_reads_stays_json_when_hosts_are_out_of_reach(tmp_path: Path) -> None:
    (tmp_path / "rack.yml").write_text(RACK)
    status, out, _ = slotlab(tmp_path, "check", "-i", "rack.yml", "--json", "--quick")
    assert status == 3
    assert [row["check"] for row in json.loads(out)].count("ssh") == 4
