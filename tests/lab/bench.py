"""A container lab with the software on it, as the lab tests use it: commands, journals, waiting."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.labs.lifecycle import container_lab, running
from harness.testbed import lab_teardown
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
JOURNAL = "/var/lib/slotlab/agent/agent.jsonl"
LAB_DEADLINE_S = 600.0
"""Of what takes a whole run; reached only by what never ends."""

MARKS = [
    pytest.mark.lab,
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="a container lab needs root"),
    pytest.mark.skipif(
        shutil.which("systemd-nspawn") is None or shutil.which("mmdebstrap") is None,
        reason="needs the Debian packages systemd-container and mmdebstrap",
    ),
]


@dataclass(frozen=True)
class Bench:
    """A lab that is up; hosts are n1, n2 and so on."""

    name: str
    inventory: Path
    hosts: tuple[tuple[str, str], ...]
    """(name, address) of each node host."""
    netns: Path
    """The controller's network namespace in this lab."""

    @property
    def names(self) -> list[str]:
        """Return the names of the node hosts."""
        return [name for name, _ in self.hosts]

    def slotlab(
        self, *words: str, home: Path | None = None, timeout_s: float = LAB_DEADLINE_S
    ) -> subprocess.CompletedProcess[str]:
        """Return the finished command `slotlab words…`; home: a controller's state of its own."""
        environment = os.environ | ({"XDG_STATE_HOME": str(home)} if home else {})
        return subprocess.run(
            [sys.executable, "-m", "harness", *words], env=environment,
            cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False,
        )  # fmt: skip

    def healed(self, inventory: Path | None = None) -> dict[str, str]:
        """Return by host what `slotlab heal` says, with exit status 0 or the lab's own."""
        done = self.slotlab("heal", "-i", str(inventory or self.inventory))
        assert done.returncode in (0, 3), done.stdout + done.stderr
        parts = (line.partition(": ") for line in done.stdout.splitlines())
        return {host: text for host, _, text in parts if host in self.names}

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Return the running command `slotlab words…`; its output is one pipe."""
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *words],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def deploy(self) -> None:
        """Put the software on every host."""
        done = self.slotlab("deploy", "-i", str(self.inventory))
        assert done.returncode == 0, done.stdout + done.stderr

    def end_trial(self) -> None:
        """End what a broken-off harness left running, and give its record up."""
        for words in (("stop",), ("collect", "--forget")):
            done = self.slotlab(*words, "-i", str(self.inventory))
            assert done.returncode == 0, done.stdout + done.stderr

    def on(self, host: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Return the finished command on a host."""
        return subprocess.run(
            [*running.ssh_command(self.name, host), *words],
            capture_output=True, text=True, timeout=LAB_DEADLINE_S, check=False,
        )  # fmt: skip

    def journal(self, host: str) -> list[dict[str, object]]:
        """Return what the host's agent has written in the trial at hand."""
        text = self.on(host, "sudo", "cat", JOURNAL).stdout
        return [json.loads(line) for line in text.splitlines()]

    def records(self, host: str, fault: str, runs: Path) -> list[dict[str, object]]:
        """Return the journal lines of a fault of the only run below runs."""
        trials = [f"{run.name}.1" for run in runs.glob("*/2*")]
        lines = self.journal(host)
        return [line for line in lines if line["fault"] == fault and line["trial"] in trials]

    def states(self, host: str, fault: str, runs: Path) -> list[str]:
        """Return the states the fault went through on a host."""
        return [str(line["state"]) for line in self.records(host, fault, runs)]

    def start_installed(self, campaign: Path, runs: Path, fault: str) -> subprocess.Popen[str]:
        """Return the harness running the campaign, the fault installed on every host, or ended."""
        harness = self.start("run", str(campaign), "-i", str(self.inventory), "--runs", str(runs))
        try:
            for host in self.names:
                wait_for(
                    f"{fault} on {host}",
                    lambda h=host: has_ended(harness) or "installed" in self.states(h, fault, runs),
                )
        except BaseException:
            harness.kill()
            raise
        return harness

    def rules(self, host: str) -> str:
        """Return the host's nft rules as text."""
        return self.on(host, "sudo", "nft", "list", "ruleset").stdout


@contextmanager
def bench(purpose: str, hosts: int) -> Iterator[Bench]:
    """Yield a fresh lab for one test file; nothing of it is left afterwards."""
    name = f"t{os.getpid()}-{purpose}"
    lab = container_lab.up(name, hosts, print)
    try:
        yield Bench(name, lab.inventory, lab.hosts, lab.netns)
    finally:
        lab_teardown.take_down(name, print)


def deployed(purpose: str, hosts: int) -> Any:
    """Return a fixture of one test file: a fresh lab with the software on it."""

    @pytest.fixture(scope="module")
    def lab() -> Iterator[Bench]:
        with bench(purpose, hosts) as made:
            made.deploy()
            yield made

    return lab


def wait_for(what: str, holds: Callable[[], bool], *, within_s: float = LAB_DEADLINE_S) -> None:
    """Wait until holds() is true of a lab.

    Raises:
        AssertionError: it was not within within_s seconds.
    """
    wait_until(holds, what, within_s=within_s, every_s=0.1)


def has_ended(harness: subprocess.Popen[str]) -> bool:
    """Return False while the harness runs.

    Raises:
        AssertionError: it ended; with what it said.
    """
    assert harness.poll() is None, harness.communicate()[0]
    return False
