"""A run whose driver is killed at any moment goes on, and every trial is there once, to the byte.

What may differ is what says when, where and by which commands it ran: `provenance.json` and its
section of the report, `resumed.jsonl`, the attempts in `interrupted/`, and the folder's name.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sim.test_run_sim import facts_of
from tests.twelve_cells import CAMPAIGN
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
AN_HOUR_BACK = "import time\nfor n in ('time', 'time_ns'):\n    " + (
    "setattr(time, n, lambda f=getattr(time, n), s=3600 * 10 ** (9 * n.endswith('ns')): f() - s)\n"
)
SEEDS = (1, *(pytest.param(seed, marks=pytest.mark.long) for seed in (2, 3, 4)))


class Driver:
    """Commands in one folder, by a clock that may be stepped; each is a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "twelve.yml").write_text(CAMPAIGN)
        self.paths = [str(ROOT)]

    def step_clock_back(self) -> None:
        """From now on the driver's wall clock is an hour behind, and files are of the future."""
        shift = self.folder / "shift"
        shift.mkdir()
        (shift / "sitecustomize.py").write_text(AN_HOUR_BACK)
        self.paths.insert(0, str(shift))

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "harness", "run", *words],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(self.paths)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run(self, *words: str) -> str:
        process = self.start(*words)
        said, _ = process.communicate()
        assert process.returncode == 0, said
        return said

    def kill_when(self, due: Callable[[], bool], *words: str) -> None:
        """Kill the command once it is so; it must not have ended by itself."""
        process = self.start(*words)
        try:
            wait_until(lambda: due() or process.poll() is not None, "the moment to kill it")
        finally:
            process.send_signal(signal.SIGKILL)
            said, _ = process.communicate()
        assert process.returncode == -signal.SIGKILL, said

    @property
    def last(self) -> Path:
        return (self.folder / "runs" / "twelve" / "latest").resolve()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the run that nothing disturbs."""
    driver = Driver(tmp_path_factory.mktemp("whole"))
    driver.run("twelve.yml", "--lab", "sim")
    return driver.last


def named(folder: Path) -> list[str]:
    """Return the names of all that is below the trials of the run, which others may be moving."""
    places = list(folder.glob("runs/twelve/2*/trials"))
    found = (entry for place in places for entry in os.walk(place))
    return [name for _, folders, files in found for name in (*folders, *files)]


def moments(rng: random.Random, folder: Path) -> Iterator[Callable[[], bool]]:
    """Yield when to kill: at so many files of trials, whole or not, and once in the report."""
    each = 1 + 4 + 3 * 2 + 3
    for files in sorted(rng.sample(range(1, 24 * each), 3)):
        yield lambda n=files: len(named(folder)) >= n
    reported = rng.randrange(1, 25)
    yield lambda: named(folder).count("verify.json") >= reported


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_that_is_killed_at_random_moments_gives_every_trial_once_to_the_byte(
    seed: int, uninterrupted: Path, tmp_path: Path
) -> None:
    driver = Driver(tmp_path)
    words = ["twelve.yml", "--lab", "sim"]
    for n, due in enumerate(moments(random.Random(seed), tmp_path)):
        driver.kill_when(due, *words)
        words = ["--resume", str(driver.last)]
        if n == 1:
            driver.step_clock_back()
    sealed = {path: path.stat().st_ino for path in driver.last.glob("trials/*/seal.json")}
    driver.run(*words)
    run = driver.last
    assert len(list(tmp_path.glob("runs/twelve/2*"))) == 1, "it is one run"
    assert facts_of(run) == facts_of(uninterrupted)
    assert {path: path.stat().st_ino for path in sealed} == sealed, "what was sealed stays"
    names = {path.name for path in run.iterdir()} - {"interrupted"}
    assert names == {path.name for path in uninterrupted.iterdir()} | {"resumed.jsonl"}
    for name in ("plan.json", "lab.json", "campaign.yml", "resolved.json", "junit.xml"):
        assert (run / name).read_bytes() == (uninterrupted / name).read_bytes()
    told = [json.loads(line) for line in (run / "resumed.jsonl").read_text().splitlines()]
    aside = [each["kept"] for line in told for each in line["aside"].values()]
    assert sorted(aside) == sorted(f"interrupted/{p.name}" for p in run.glob("interrupted/*"))


def test_a_finished_run_is_left_alone_and_said_to_be(uninterrupted: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in uninterrupted.rglob("*")}
    driver = Driver(uninterrupted.parents[2])
    said = driver.run("--resume", "twelve")
    assert said == (
        f"{uninterrupted}: nothing to do: 24 of 24 trial(s) ran to their end, and are reported\n"
    )
    assert {path: path.stat().st_mtime_ns for path in uninterrupted.rglob("*")} == before
