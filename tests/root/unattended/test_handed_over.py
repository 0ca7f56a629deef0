"""A run that is handed over goes on by itself on a machine with systemd, whatever happens to it.

1. its driver is killed: another goes on;
2. the power of the machine is cut: it goes on when that has booted;
3. then each trial is there once, whoever asked is told, and no unit is left;
4. who looks on sees it, and may stop looking; what is cancelled ends, what waits is run after it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.unattended.entry import Entry
from harness.unattended.queue import Queue
from tests.root.unattended.machine import Machine, machine, missing, slotlab_words
from tests.twelve_cells import CAMPAIGN
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
TRIALS = 24
UNIT = "slotlab-queue-sim.service"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return the folder that the machine shares: state, campaigns and runs are in it."""
    (tmp_path / "twelve.yml").write_text(CAMPAIGN)
    return tmp_path


@pytest.fixture
def controller(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("controller"), [home]) as made:
        yield made


def entries(home: Path) -> list[Entry]:
    return Queue(home / "state" / "slotlab" / "queues" / "sim").entries()


def sealed(run: Path) -> int:
    return len(list(run.glob("trials/*/seal.json")))


def hear_ctrl_c() -> None:
    """Hear the signal also where these tests are in the background of a shell, deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def unit_files(controller: Machine) -> str:
    return controller.run("ls", "-R", "/etc/systemd/system").stdout


def test_a_run_goes_on_after_its_driver_was_killed_and_after_the_power_was_cut(
    controller: Machine, home: Path
) -> None:
    told = home / "told"
    tell = f"sh -c 'echo $STATUS $VERDICT $RUN $REPORT >> {told}'"
    words = ("run", "twelve.yml", "--lab", "sim", "--detach", "--notify", tell)
    given = controller.slotlab(*words, folder=home)
    assert given.returncode == 0, given.stderr
    assert given.stdout.splitlines() == [
        "entry 1: twelve on --lab sim",
        f"{UNIT} runs it now; slotlab attach shows it, slotlab queue cancel 1 ends it",
    ]
    assert unit_files(controller).count(UNIT) == 2, "it is there, and enabled"
    run = wait_until(lambda: next((Path(e.run) for e in entries(home) if e.run), None))
    first, second = sorted(random.Random(12).sample(range(1, TRIALS - 1), 2))

    wait_until(lambda: sealed(run) >= first, "so many trials")
    controller.kill_driver()
    wait_until(lambda: sealed(run) >= second, "another driver")
    controller.cut_power()
    assert entries(home)[0].state == "running"
    controller.power_on()

    attached = controller.slotlab("attach", folder=home)
    (entry,) = entries(home)
    assert (entry.state, entry.status, entry.verdict) == ("ended", 0, "pass"), attached.stdout
    assert attached.returncode == 0, attached.stderr
    assert attached.stdout.splitlines()[-1] == "entry 1: pass"
    assert told.read_text() == f"0 pass {run} {run}/report.html\n"
    summary = json.loads((run / "summary.json").read_text())
    trials = sorted(each["n"] for cell in summary["cells"] for each in cell["trials"])
    assert trials == list(range(1, TRIALS + 1))
    assert sealed(run) == TRIALS
    assert len((run / "resumed.jsonl").read_text().splitlines()) == 2
    assert len(list(run.parent.glob("2*"))) == 1, "it is one run"
    log = Queue(home / "state" / "slotlab" / "queues" / "sim").log(1).read_text()
    assert "unattended: the driver ended by SIGKILL, without a report; another goes on" in log
    wait_until(lambda: UNIT not in unit_files(controller), "the end of the unit")

    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    again = controller.slotlab("run", "--resume", str(run), "--detach", folder=home)
    nothing = f"{run}: nothing to do: {TRIALS} of {TRIALS} trial(s) ran to their end, and are"
    assert (again.returncode, again.stdout) == (0, f"{nothing} reported\n")
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


@pytest.mark.long
def test_what_runs_is_looked_at_and_cancelled_and_what_waits_is_run_after_it(
    controller: Machine, home: Path
) -> None:
    (home / "long.yml").write_text(CAMPAIGN.replace("repeat: 2", "repeat: 30"))
    (home / "short.yml").write_text(
        CAMPAIGN.replace("repeat: 2", "repeat: 1").replace("20ms, 40ms, 80ms", "20ms")
    )
    given = controller.slotlab("queue", "long.yml", "short.yml", "--lab", "sim", folder=home)
    assert given.returncode == 0, given.stderr
    long = wait_until(lambda: next((e for e in entries(home) if e.campaign == "long" and e.run), 0))
    assert not isinstance(long, int)
    wait_until(lambda: sealed(Path(long.run)) > 0, "its first trial")
    shown = controller.slotlab("runs", folder=home).stdout
    (row,) = [line for line in shown.splitlines() if Path(long.run).name in line]
    assert f"{UNIT}, entry {long.n}" in row

    looks = subprocess.Popen(
        controller.words(*slotlab_words("attach"), folder=home),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=hear_ctrl_c,
    )  # fmt: skip
    assert looks.stdout is not None
    assert looks.stdout.readline() == f"entry {long.n}: long on --lab sim\n"
    assert looks.stdout.readline(), "what a driver says"
    os.killpg(looks.pid, signal.SIGINT)
    said = looks.communicate()[1]
    assert said.startswith("slotlab: it goes on without you;")
    assert entries(home)[0].state == "running"

    ended = controller.slotlab("queue", "cancel", str(long.n), folder=home)
    assert ended.stdout == f"entry {long.n}: it heals, collects and ends\n"
    wait_until(lambda: entries(home)[-1].state == "ended", "the one that waited")
    states = [(e.campaign, e.state, e.status) for e in entries(home)]
    assert states == [("long", "cancelled", 130), ("short", "ended", 0)]
    listed = controller.slotlab("queue", "list", "--json", folder=home)
    rows = json.loads(listed.stdout)
    assert [(row["n"], row["state"]) for row in rows] == [(1, "cancelled"), (2, "ended")]
    wait_until(lambda: UNIT not in unit_files(controller), "the end of the unit")
