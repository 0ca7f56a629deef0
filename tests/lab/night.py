"""A run on real hosts by a machine that is handed it and left alone, whatever happens to it.

At moments drawn from a seed its driver is killed, its clock is stepped by an hour, another driver
is killed and its power is cut. `python -m tests.lab.night` prints what becomes of twelve cells of
four trials each (twenty minutes); a test does three trials.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.inventory.inventory import lab_id_of
from harness.labs import state
from harness.unattended.entry import OVER
from harness.unattended.queue import Queue, of_lab
from harness.unattended.unit import name_of
from tests.lab.bench import Bench, bench, wait_for
from tests.root.unattended.machine import ROOT, Machine, machine

CAMPAIGN = """\
schema: slotlab.campaign/v1
title: a night
seed: 12
chain: {profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 1}
load: {rate: "${rate}"}
trials: {repeat: REPEAT, order: random}
warmup: 1s
cooldown: 2s
safety: {lease: 20s}
matrix: {step: [STEPS], rate: [1/s, 2/s, 4/s]}
timeline:
  - {at: 2s, for: 2s, fault: clock_step, on: one, by: "${step}"}
"""
NIGHT_S = 2 * 3600.0
SHIFTED = """\
import os, time
def shifted(name, second):
    real = getattr(time, name)
    setattr(time, name, lambda: real() + 3600 * second * os.path.exists({mark!r}))
shifted("time", 1)
shifted("time_ns", 10**9)
"""
"""Python that finds this reads a clock that is stepped by an hour once the mark is there."""
EVENTS = ("kill", "step", "kill", "cut")


@dataclass(frozen=True)
class Night:
    """A machine in a lab's network, whose hosts have the software on them, and what it keeps."""

    controller: Machine
    home: Path

    @property
    def queue(self) -> Queue:
        """The lab's queue."""
        lab = of_lab(lab_id_of(self.home / "lab.yml")).name
        return Queue(self.home / "state" / "slotlab" / "queues" / lab)

    @property
    def run(self) -> Path:
        """The folder of the run that was handed over."""
        return Path(self.queue.entry(1).run)

    def sealed(self) -> list[int]:
        """Return the numbers of the trials that are sealed."""
        return sorted(int(path.parent.name) for path in self.run.glob("trials/*/seal.json"))

    def hand_over(self, steps: str, repeat: int) -> None:
        """Hand over a campaign whose matrix has these steps, whose unit has the clock above."""
        text = CAMPAIGN.replace("STEPS", steps).replace("REPEAT", str(repeat))
        (self.home / "night.yml").write_text(text)
        (self.home / "shift").mkdir()
        shift = SHIFTED.format(mark=str(self.home / "stepped"))
        (self.home / "shift" / "sitecustomize.py").write_text(shift)
        place = f"/etc/systemd/system/{name_of(self.queue)}.d"
        paths = f"Environment=PYTHONPATH={self.home / 'shift'}:{ROOT}"
        command = f"mkdir {place}; printf '[Service]\\n{paths}\\n' > {place}/clock.conf"
        self.controller.run("sh", "-c", command)
        words = ("run", "night.yml", "-i", "lab.yml", "--detach")
        given = self.controller.slotlab(*words, folder=self.home)
        assert given.returncode == 0, given.stdout + given.stderr
        wait_for("the run", lambda: bool(self.queue.entry(1).run))

    def disturb(self, rng: random.Random, trials: int) -> None:
        """Let all events befall the machine, each once so many trials are sealed."""
        moments = sorted(rng.choices(range(trials), k=len(EVENTS)))
        for event, after in zip(EVENTS, moments, strict=True):
            wait_for(
                f"{after} trials", lambda n=after: len(self.sealed()) >= n, within_s=NIGHT_S
            )  # fmt: skip
            time.sleep(rng.uniform(0, 10))  # at any moment of a trial
            print(f"{event}, with {len(self.sealed())} trials sealed", flush=True)
            match event:
                case "kill":
                    self.controller.kill_driver()
                case "step":
                    (self.home / "stepped").touch()
                case "cut":
                    self.controller.cut_power()
                    self.controller.power_on()

    def wait(self) -> None:
        """Wait until it is over."""
        wait_for("the end", lambda: self.queue.entry(1).state in OVER, within_s=NIGHT_S)

    def found(self) -> dict[str, Any]:
        """Return what there is at the end."""
        summary = json.loads((self.run / "summary.json").read_text())
        resumed = (self.run / "resumed.jsonl").read_text().splitlines()
        records = [json.loads(path.read_text()) for path in self.run.glob("trials/*/trial.json")]
        return {
            "runs": len(list(self.run.parent.glob("2*"))),
            "sealed": self.sealed(),
            "reported": sorted(each["n"] for cell in summary["cells"] for each in cell["trials"]),
            "states": sorted({record["state"] for record in records}),
            "cells": len(summary["cells"]),
            "resumed": len(resumed),
        }

    def again(self) -> tuple[int, str, bool]:
        """Return what going on once more says: status, words, and whether any file was touched."""
        before = {path: path.stat().st_mtime_ns for path in self.run.rglob("*")}
        words = ("run", "--resume", str(self.run), "-i", "lab.yml")
        done = self.controller.slotlab(*words, folder=self.home)
        after = {path: path.stat().st_mtime_ns for path in self.run.rglob("*")}
        return done.returncode, done.stdout + done.stderr, before != after


@contextmanager
def night(lab: Bench, folder: Path) -> Iterator[Night]:
    """Yield a machine that is on, in a lab's network, and has deployed to the lab."""
    home, place = folder / "home", folder / "controller"
    home.mkdir()
    place.mkdir()
    text = lab.inventory.read_text()
    (home / "lab.yml").write_text(text)
    done = lab.slotlab("deploy", "-i", str(home / "lab.yml"), home=home / "state")
    assert done.returncode == 0, done.stdout + done.stderr
    inside = [line for line in text.splitlines() if "slotlab_netns" not in line]
    (home / "lab.yml").write_text("\n".join(inside) + "\n")
    shared = [home, state.lab_folder(lab.name)]
    with machine(place, shared, netns=str(lab.netns)) as controller:
        yield Night(controller, home)


def main(seed: int) -> None:
    """Print what becomes of twelve cells of four trials each."""
    rng, steps, repeat = random.Random(seed), "10ms, 20ms, 40ms, 80ms", 4
    folder = Path(tempfile.mkdtemp(prefix="night-"))
    with bench("night", hosts=4) as lab, night(lab, folder) as ours:
        begun = time.monotonic()
        ours.hand_over(steps, repeat)
        ours.disturb(rng, 12 * repeat)
        ours.wait()
        print(f"{(time.monotonic() - begun) / 60:.0f} min; {ours.queue.entry(1)}")
        print(json.dumps(ours.found()))
        print(ours.again())
        print(f"kept in {folder}")


if __name__ == "__main__":
    assert Path("harness").is_dir(), "run it from the clone's root"
    main(int(sys.argv[1]))
