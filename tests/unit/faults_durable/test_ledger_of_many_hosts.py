"""The ledger of a rack of 100 hosts: whatever the kind, whenever the agent is killed, it is whole.

Each kind's entry is what a host of such a rack is armed with. A kill is a write that stops after
some of its bytes, at each write of a fault's life.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import pytest

from faults.durable import ledger as ledger_module
from faults.durable.journal import Journal
from faults.durable.ledger import CHANGE_BYTES, Entry, Ledger
from faults.host.boottime import boot_id
from faults.kinds.registry import decode_fault
from faults.model.fault import Command
from harness.plan import fault_wire, planner
from tests.unit.harness_plan.builders import ALL_ABLE, file, lab

HOSTS = 100
STEPS = ("armed", "prepared", "applied", "closed")
TIMELINE = """[
 {at: 20s, for: 5s, fault: delay, between: all, delay: 80ms, jitter: 10ms},
 {at: 30s, for: 5s, fault: partition, shape: minority},
 {at: 40s, for: 5s, fault: cut, from: [n2], to: [n1]},
 {at: 50s, for: 5s, fault: loss, between: all, share: 10%},
 {at: 60s, for: 5s, fault: clock_step, on: n1, by: 300ms},
 {at: 70s, for: 5s, fault: clock_drift, on: n1, by: 100ppm},
 {at: 80s, for: 5s, fault: pause, on: n1},
 {at: 90s, fault: kill, on: n1, restart_after: 5s}]"""


class Killed(BaseException):
    """The agent is gone in the middle of a write."""


@cache
def wires() -> dict[str, fault_wire.Wire]:
    """Return what the first of 100 hosts is armed with, by kind of fault."""
    able = {**ALL_ABLE, "loss": True}
    made = planner.build(file(TIMELINE, producers=21), lab(HOSTS, able))
    return {wire["fault"]: wire for wire in fault_wire.localise(made, made.trials[0])["n1"]}


KINDS = ("clock_drift", "clock_step", "cut", "delay", "kill", "loss", "partition", "pause")


def entry(kind: str, state: str = "armed", reason: str = "") -> Entry:
    made = Entry(
        token="ab12cd34", trial="t", fault_id=f"{kind}-1", kind=kind, how="nft", boot=boot_id(),
        state="armed", t0_boottime_ns=0, inject_ns=1, deadline_ns=2,
        asked=msgspec.json.decode(msgspec.json.encode(decode_fault(
            msgspec.json.encode(wires()[kind])
        ))),
    )  # fmt: skip
    return msgspec.structs.replace(made, state=state, reason=reason)


def perform(ledger: Ledger, kind: str, step: str, reason: str = "") -> None:
    """Write one step of a fault's life, as the driver does."""
    if step == "armed":
        victim = ledger.folder.parent / "victim"
        victim.write_text("x")
        ledger.create(entry(kind), (Command(("rm", str(victim)), may_fail=True),))
    else:
        ledger.record(entry(kind, step, reason))


def kill_at(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    """Let the next line of the records file end after a share of its bytes."""

    def torn(descriptor: int, data: bytes, at: int) -> int:
        if data.startswith(b"{"):
            os.pwrite(descriptor, data[: int(len(data) * share)], at)
            raise Killed
        return os.pwrite(descriptor, data, at)

    monkeypatch.setattr(ledger_module, "_pwrite", torn)


def test_every_kind_that_a_host_is_armed_with_is_walked() -> None:
    assert tuple(sorted(wires())) == KINDS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("step", STEPS)
def test_an_agent_killed_in_a_write_leaves_the_state_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, share: float, step: str
) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.write_heal_script()
    before = STEPS[: STEPS.index(step)]
    for earlier in before:
        perform(ledger, kind, earlier)
    with monkeypatch.context() as patch:
        kill_at(patch, share)
        with pytest.raises(Killed):
            perform(ledger, kind, step)
    assert ledger.entries() == ([entry(kind, before[-1])] if before else [])
    subprocess.run(["/bin/sh", str(ledger.heal_file)], check=True)
    if step == "applied":  # who closes a fault has taken it back before
        assert not (tmp_path / "victim").exists(), "what was begun is taken back"
    if before:
        perform(ledger, kind, "closed")
        assert ledger.open_entries() == [], "what follows a torn record counts"


@pytest.mark.parametrize("kind", KINDS)
def test_each_change_of_state_keeps_the_ones_before_it_and_heals_as_it_says(
    tmp_path: Path, kind: str
) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.write_heal_script()
    for step in STEPS:
        perform(ledger, kind, step)
        assert ledger.entries() == [entry(kind, step)]
    states = [line.split(b'"state":"')[1].split(b'"')[0].decode() for line in lines(ledger)]
    assert tuple(states) == STEPS
    subprocess.run(["/bin/sh", str(ledger.heal_file)], check=True)
    assert (tmp_path / "victim").exists(), "a closed fault is not undone again"


def lines(ledger: Ledger) -> list[bytes]:
    data = (ledger.folder / "ab12cd34.jsonl").read_bytes()
    return data.split(b"\0", 1)[0].splitlines()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reason", ["\n" * 5_000, "é" * 5_000, "𝄞" * 5_000, '"' * 5_000])
def test_a_life_with_the_longest_reasons_stays_in_the_space_reserved_for_it(
    tmp_path: Path, kind: str, reason: str
) -> None:
    ledger = Ledger(tmp_path / "ledger")
    perform(ledger, kind, "armed")
    size = (ledger.folder / "ab12cd34.jsonl").stat().st_size
    for step in STEPS[1:]:
        perform(ledger, kind, step, reason)
        assert ledger.entries()[0].state == step
    assert (ledger.folder / "ab12cd34.jsonl").stat().st_size == size
    assert all(len(line) < CHANGE_BYTES for line in lines(ledger)[1:])


def test_the_journal_reserves_room_for_all_that_it_writes_of_100_hosts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "agent.jsonl", "n1")
    entries = [entry(kind) for kind in KINDS]
    journal.reserve([each.asked for each in entries])
    reserved = (tmp_path / "agent.jsonl").stat().st_blocks * 512
    tell: Callable[..., object] = journal.write
    for each in entries:
        for state in ("armed", "applied", "installed", "healed", "failed"):
            tell(state, fault=each.fault_id, kind=each.kind, how=each.how, asked=each.asked,
                 between=(1, 2), read_back={"detail": "x" * 2_000}, reason="y" * 200)  # fmt: skip
    assert (tmp_path / "agent.jsonl").stat().st_size <= reserved
