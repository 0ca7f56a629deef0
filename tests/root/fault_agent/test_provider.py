"""The provider's agent takes back what its victims cannot, whoever dies; here a host is a file.

The stand-in for a host's plug is a script that writes and reads the state of the host.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from faults.agent import service
from faults.host.boottime import boottime_ns
from tests.waiting import wait_until

pytestmark = pytest.mark.process

S = 1_000_000_000
PROJECT = Path(__file__).resolve().parents[3]
PLUG = """#!/bin/sh
case "$2" in
  state) cat "$1";;
  off|frozen|link_down) echo "$2" > "$1";;
  on) [ -e "$1.stuck" ] && rm "$1.stuck" && exit 1
      [ -e "$1.weak" ] && rm "$1.weak" && exit 0
      echo on > "$1";;
esac
"""
WORDS = {
    "off": "off", "on": "on", "state": "state", "freeze": "frozen", "thaw": "on",
    "link_down": "link_down", "link_up": "on",
}  # fmt: skip


@dataclass
class Owner:
    """The machine that owns two hosts; folder is short, because a socket lies in it."""

    folder: Path
    agents: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def words(self, *more: str) -> list[str]:
        return [sys.executable, "-m", "faults", "--root", str(self.folder), *more]

    def start(self) -> subprocess.Popen[bytes]:
        file = str(self.folder / "provider.json")
        agent = subprocess.Popen(self.words("agent", "--provider", file), cwd=PROJECT)
        self.agents.append(agent)
        wait_until(lambda: "ok" in self.try_ask("hello"), "the agent answers")
        return agent

    def try_ask(self, op: str, **fields: object) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(30)
            try:
                link.connect(str(self.folder / "run" / "agent.sock"))
            except OSError:
                return {}
            link.sendall(json.dumps({"v": 1, "id": 1, "op": op, **fields}).encode() + b"\n")
            line = link.makefile("rb").readline()
            return dict(json.loads(line)) if line else {}

    def arm(self, *faults: dict[str, object]) -> dict[str, Any]:
        request = {"trial": "t", "t0_wall_ns": time.time_ns(), "lease_ns": 600 * S}
        return self.try_ask("arm", faults=list(faults), **request)

    def state(self, host: str) -> str:
        return (self.folder / host).read_text().strip()

    def last(self, fault_id: str) -> dict[str, Any]:
        text = (self.folder / "state" / "agent" / "agent.jsonl").read_text()
        records = [json.loads(line) for line in text.splitlines()]
        return next(each for each in reversed(records) if each["fault"] == fault_id)


@pytest.fixture
def owner() -> Iterator[Owner]:
    with tempfile.TemporaryDirectory(prefix="slp") as name:
        made = Owner(Path(name))
        plug = made.folder / "plug"
        plug.write_text(PLUG)
        plug.chmod(0o755)
        hosts = {}
        for host in ("n1", "n2"):
            (made.folder / host).write_text("on\n")
            place = str(made.folder / host)
            hosts[host] = {word: [str(plug), place, does] for word, does in WORDS.items()}
        file = made.folder / "provider.json"
        file.write_text(json.dumps({"hosts": hosts}))
        file.chmod(0o600)
        try:
            yield made
        finally:
            for agent in made.agents:
                agent.kill()
                agent.wait()


def power(kind: str, host: str = "n1", at_ns: int = 2 * S, for_ns: int = 4 * S) -> dict[str, Any]:
    return {"id": f"{kind}-{host}", "fault": kind, "at_ns": at_ns, "for_ns": for_ns, "host": host}


@pytest.mark.parametrize(
    ("kind", "state"), [("power_cut", "off"), ("freeze_host", "frozen"), ("link_down", "link_down")]
)
def test_a_host_is_down_until_its_end(owner: Owner, kind: str, state: str) -> None:
    owner.start()
    armed = owner.arm(power(kind))
    wait_until(lambda: owner.state("n1") == state, "down")
    wait_until(lambda: owner.last(f"{kind}-n1")["state"] == "installed", "read back")
    assert owner.last(f"{kind}-n1")["read_back"] == {"state": state}
    assert owner.state("n2") == "on"
    wait_until(lambda: owner.state("n1") == "on", "back")
    assert boottime_ns() >= armed["ok"]["t0_boottime_ns"] + 6 * S
    wait_until(lambda: owner.last(f"{kind}-n1")["state"] == "healed", "healed")
    assert owner.last(f"{kind}-n1")["how"] == "provider"


def test_a_host_comes_back_when_the_providers_agent_is_killed(owner: Owner) -> None:
    agent = owner.start()
    armed = owner.arm(power("power_cut"))
    wait_until(lambda: owner.last("power_cut-n1")["state"] == "installed", "installed")
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    assert owner.state("n1") == "off"
    wait_until(lambda: owner.state("n1") == "on", "the dead man switches it on")
    assert boottime_ns() >= armed["ok"]["t0_boottime_ns"] + 6 * S


def test_the_ledger_alone_switches_a_host_on_and_twice_is_safe(owner: Owner) -> None:
    agent = owner.start()
    owner.arm(power("power_cut", for_ns=400 * S))
    wait_until(lambda: owner.last("power_cut-n1")["state"] == "installed", "installed")
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    for healed in (["power_cut-n1"], []):
        done = subprocess.run(
            owner.words("heal"), cwd=PROJECT, capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout)["ok"]["healed"] == healed
        assert owner.state("n1") == "on"


@pytest.mark.parametrize("flaw", ["stuck", "weak"])
def test_a_plug_that_fails_or_lies_once_is_tried_again(owner: Owner, flaw: str) -> None:
    owner.start()
    owner.arm(power("power_cut", for_ns=S))
    wait_until(lambda: owner.state("n1") == "off", "off")
    (owner.folder / f"n1.{flaw}").touch()
    wait_until(lambda: owner.last("power_cut-n1")["state"] == "healed", "healed")
    assert owner.state("n1") == "on"
    assert not (owner.folder / f"n1.{flaw}").exists()


def test_a_host_that_stays_on_is_indeterminate(owner: Owner) -> None:
    (owner.folder / "plug").write_text(
        PLUG.replace('off|frozen|link_down) echo "$2" > "$1"', "off) :")
    )
    owner.start()
    owner.arm(power("power_cut", for_ns=S))
    wait_until(lambda: owner.last("power_cut-n1")["state"] == "indeterminate", "read back")
    assert owner.last("power_cut-n1")["reason"] == "n1 is on"


def test_it_switches_known_hosts_and_does_nothing_else(owner: Owner) -> None:
    owner.start()
    cut = {
        "id": "c", "fault": "cut", "at_ns": S, "for_ns": S, "blocked_in": [], "blocked_out": [],
        "node_port": 9000,
    }  # fmt: skip
    assert owner.arm(cut)["error"]["reason"] == "unsupported"
    assert owner.arm(power("power_cut", host="n3"))["error"]["reason"] == "no_power"


def test_commands_that_others_could_have_written_are_refused(owner: Owner) -> None:
    file = owner.folder / "provider.json"
    os.chmod(file, 0o644)
    words = owner.words("agent", "--provider", str(file))
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"slotlab agent: {file}: must belong to you with mode 0600\n"


def test_the_agent_ends_by_itself_once_idle_but_not_before(monkeypatch) -> None:
    monkeypatch.setattr(service, "IDLE_S", 0.3)
    monkeypatch.setattr(service, "POLL_S", 0.02)
    agent = SimpleNamespace(busy=True)

    async def scene() -> bool:
        server = SimpleNamespace(asked_s=time.monotonic())
        idle = asyncio.create_task(service.until_idle(agent, server))
        await asyncio.sleep(0.6)
        early = idle.done()
        agent.busy = False
        await asyncio.wait_for(idle, 60)
        return early

    assert not asyncio.run(scene())
