"""Puts a simulated run under drawn clocks: the same events, told by clocks that drift and reboot.

The simulator's own raw clocks are known functions of true time, so every stamp can be taken back to
true time and stamped anew. Times are true ns since T0 unless a name says otherwise.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import zstandard
from rich.console import Console

from harness.campaign import campaign_file
from harness.controller.console import Show
from harness.orchestrator.job import RunOptions, job_of
from harness.orchestrator.run_sim import run
from harness.plan import planner
from harness.plan.lab_view import simulated
from harness.sim.campaign import world_of
from tests.sim.drawn_clocks import Clock, Floats, Lab, Span, Weather, draw

Line = dict[str, Any]
LEAD_NS = 3_000_000_000
NTP_SHARE = 0.98
"""How much of the bound that an NTP check admits its error may take."""
SCHEDULE_NS = 400_000.0
"""How far a host's T0, on the clock of its fault schedule, is off."""
ANSWERED = ("t1_ns", "t2_ns", "t3_ns", "t4_ns")


@dataclass(frozen=True, slots=True)
class Original:
    """A simulated run, and what its hosts' raw clocks were: (at T0, parts per 10^9)."""

    folder: Path
    clocks: dict[str, tuple[int, int]]
    plan: Line
    genesis_slot: int
    t0_wall_ns: int

    @property
    def hosts(self) -> list[str]:
        """Return the hosts' names."""
        return [host["host"] for host in self.plan["hosts"]]

    @property
    def trial(self) -> Line:
        """Return the only trial of the plan."""
        found: Line = self.plan["trials"][0]
        return found

    @property
    def down(self) -> dict[str, Span]:
        """Return the span in which each host had no power."""
        return {
            host: (fault["at_ns"], fault["end_ns"])
            for fault in self.trial["faults"]
            if fault["fault"] == "power_cut"
            for host in fault["targets"]
        }

    def true_ns(self, host: str, mono: Any) -> Floats:
        """Return the true time at which the host's clock in the simulator showed mono."""
        base, ppb = self.clocks[host]
        passed: Floats = (np.asarray(mono, dtype=np.int64) - base).astype(np.float64)
        return passed * (1e9 / (1e9 + ppb))

    def slot_ns(self, slot: int) -> int:
        """Return a slot's nominal time."""
        found: int = (slot - self.genesis_slot - 1) * self.plan["slot_ns"]
        return found


@dataclass(slots=True)
class Truth:
    """When things really happened: by (block id, host); made: by block id, who and when."""

    lab: Lab
    made: dict[str, tuple[str, float]] = field(default_factory=dict)
    got: dict[tuple[str, str], float] = field(default_factory=dict)
    final: dict[tuple[str, str], float] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)
    """The slot of each block."""
    due: dict[str, list[tuple[float, int, int]]] = field(default_factory=dict)
    """By host, at each slot: when, head, last irreversible block."""


def simulate(folder: Path, text: str) -> Original:
    """Return a finished run of a campaign in the simulator, in folder."""
    path = folder / "drifting.yml"
    path.write_text(text)
    job = job_of(RunOptions(campaign=str(path), runs=folder / "runs"))
    outcome = run(job, Show(Console(quiet=True)))
    file = campaign_file.load(path)
    planned = planner.build(file, simulated(file), seed=None)
    world, _ = world_of(planned, planned.trials[0], None, probes=False)
    clocks = {
        name: (host.clock.mono_ns(world.t0_ns), host.clock.spec.mono_ppb)
        for name, host in world.hosts.items()
    }
    read = msgspec.json.decode((outcome.folder / "plan.json").read_bytes())
    trial = msgspec.json.decode((outcome.folder / "trials/1/trial.json").read_bytes())
    return Original(outcome.folder, clocks, read, trial["genesis_slot"], trial["t0_wall_ns"])


def restamp(original: Original, rng: np.random.Generator, weather: Weather, into: Path) -> Truth:
    """Return the truth of a run that is written into a folder, as drawn clocks tell of it."""
    lab = draw(rng, original.hosts, original.plan["end_ns"], original.down, weather)
    truth = Truth(lab)
    into.mkdir(parents=True)
    for name in ("plan.json", "lab.json"):
        if (original.folder / name).exists():
            shutil.copy(original.folder / name, into / name)
    source, target = (base / "trials/1" for base in (original.folder, into))
    (target / "hosts").mkdir(parents=True)
    for name in ("trial.json", "verify.json"):
        shutil.copy(source / name, target / name)
    for host in original.hosts:
        told = _Told(original, lab, host, rng)
        raw = (source / "hosts" / host / "events.jsonl.zst").read_bytes()
        lines = [msgspec.json.decode(x) for x in zstandard.decompress(raw).splitlines()]
        lines = told.events(lines, truth)
        (target / "hosts" / host).mkdir()
        text = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        (target / "hosts" / host / "events.jsonl.zst").write_bytes(zstandard.compress(text, 1))
        journal = (source / "hosts" / host / "agent.jsonl").read_bytes().splitlines()
        text = b"".join(msgspec.json.encode(told.agent(msgspec.json.decode(x))) + b"\n"
                        for x in journal)  # fmt: skip
        (target / "hosts" / host / "agent.jsonl").write_bytes(text)
    return truth


class _Told:
    """One host's files, told by its drawn clock."""

    def __init__(self, original: Original, lab: Lab, host: str, rng: np.random.Generator) -> None:
        self._original, self._lab, self._host, self._rng = original, lab, host, rng
        self._clock: Clock = lab.clocks[host]
        self._down = original.down.get(host, (np.inf, np.inf))
        self._ntp_bias = float(rng.uniform(-NTP_SHARE, NTP_SHARE))
        self._late_ns = float(rng.uniform(-SCHEDULE_NS, SCHEDULE_NS))

    def events(self, lines: list[Line], truth: Truth) -> list[Line]:
        """Return the host's event lines, stamped anew, and add to the truth."""
        written: dict[str, list[tuple[float, Line]]] = {}
        times = self._original.true_ns(self._host, [line["mono_ns"] for line in lines])
        for true_ns, line in zip(times.tolist(), lines, strict=True):
            role = line["node"].removeprefix(self._host)
            if role and not self._lives(role, true_ns):
                continue
            if line["kind"] == "probe":
                true_ns += self._probe(line)
            elif line["kind"] == "clock" and line["bound_ns"]:
                self._ntp(line, true_ns)
            elif not role:
                self._note(line, true_ns, truth)
            written.setdefault(role, []).append((true_ns, line))
        if np.isfinite(self._down[1]):
            again = {"kind": "started", "software": "drawn", "python": "", "role": "probe"}
            first = written[".probe"][0][1]
            written[".probe"].append((self._down[1] + 1000.0, first | again))
        return [line for own in written.values() for line in self._stamped(own)]

    def _lives(self, role: str, true_ns: float) -> bool:
        """Return whether a writer beside the node lives: the client is not started again."""
        return true_ns < self._down[0] or (role == ".probe" and true_ns > self._down[1])

    def _stamped(self, own: list[tuple[float, Line]]) -> list[Line]:
        """Return one writer's lines in order of time, with the stamps of this host's clock."""
        # A burst whose answers were delayed is told later, but before the writer stops.
        over = max(true_ns for true_ns, _ in own)
        ends = [over if line["kind"] == "stopped" else true_ns for true_ns, line in own]
        own = [(end, line) for end, (_, line) in zip(ends, own, strict=True)]
        own.sort(key=lambda pair: (pair[0], pair[1]["kind"] == "stopped"))
        times = np.asarray([true_ns for true_ns, _ in own])
        boots = self._clock.boot_at(times).tolist()
        monos = self._clock.mono(times).tolist()
        for seq, ((_, line), boot, mono) in enumerate(zip(own, boots, monos, strict=True)):
            line |= {"seq": seq, "mono_ns": mono, "boot": self._clock.boots[boot].id}
        return [line for _, line in own]

    def _probe(self, line: Line) -> float:
        """Stamp a burst anew, its answer delayed on both ways; return by how much in all."""
        peer = line["peer"]
        if not line["received"]:
            return 0.0
        own, other = (self._original.true_ns(name, [line[key] for key in keys])
                      for name, keys in ((self._host, ("t1_ns", "t4_ns")),
                                         (peer, ("t2_ns", "t3_ns"))))  # fmt: skip
        (t1, t4), (t2, t3) = own.tolist(), other.tolist()
        there = back = 0.0
        if line["flow"] == "clock":
            there, back = (
                self._lab.ways_ns[way] + float(self._rng.exponential(self._lab.jitter_ns))
                for way in ((self._host, peer), (peer, self._host))
            )
        t2, t3, t4 = t2 + there, t3 + there, t4 + there + back
        if self._dropped(line, (t1, t2, t3, t4)):
            line |= {"received": 0, "rtts_ns": [], "peer_boot": ""} | dict.fromkeys(ANSWERED, 0)
            return 0.0
        clock = self._lab.clocks[peer]
        m1, m4 = self._clock.mono(np.asarray([t1, t4])).tolist()
        m2, m3 = clock.mono(np.asarray([t2, t3])).tolist()
        boot = clock.boots[int(clock.boot_at(np.asarray([t2]))[0])].id
        line |= dict(zip(ANSWERED, (m1, m2, m3, m4), strict=True)) | {"peer_boot": boot}
        line["rtts_ns"] = [rtt + round(there + back) for rtt in line["rtts_ns"]]
        return there + back

    def _dropped(self, line: Line, times: tuple[float, ...]) -> bool:
        """Return whether the burst met a host without power, or a way that loses all of them."""
        gone = (self._down, self._original.down.get(line["peer"], (np.inf, np.inf)))
        if any(begin <= t <= end for begin, end in gone for t in times):
            return True
        lost = self._lab.lost.get((self._host, line["peer"]), (np.inf, np.inf))
        return line["flow"] == "clock" and lost[0] <= times[0] <= lost[1]

    def _ntp(self, line: Line, true_ns: float) -> None:
        """Let a check be wrong by what its bound admits: a bias of the host's, and some more."""
        error = float(np.clip(self._ntp_bias + self._rng.normal(0, 0.1), -NTP_SHARE, NTP_SHARE))
        off_ns = line["wall_ns"] - self._original.t0_wall_ns - round(true_ns)
        line["offset_ns"] = off_ns + round(error * line["bound_ns"])

    def _note(self, line: Line, true_ns: float, truth: Truth) -> None:
        """Add what a line of the node's says to the truth."""
        match line["kind"]:
            case "produced":
                truth.made.setdefault(line["id"], (self._host, true_ns))
                truth.slots[line["id"]] = line["slot"]
            case "received":
                truth.got.setdefault((line["id"], self._host), true_ns)
                truth.slots[line["id"]] = line["slot"]
            case "irreversible":
                truth.final.setdefault((line["id"], self._host), true_ns)
            case "slot_due":
                due = truth.due.setdefault(self._host, [])
                due.append((true_ns, line["head_num"], line["lib_num"]))

    def agent(self, line: Line) -> Line:
        """Return a line of the agent's journal: on its own schedule, which is a little off."""
        known = line["t_ns"] is not None
        true_ns = float(line["t_ns"]) if known else -float(LEAD_NS)
        if line["between_ns"]:
            # The change took place within the stretch that the agent tells, before it writes.
            before, after = (float(ns) for ns in self._rng.uniform(0, 200e3, 2))
            edges = (true_ns - before, true_ns + after)
            line["between_ns"] = [self._schedule_ns(edge) for edge in edges]
            true_ns += after + 100e3
        at = np.asarray([true_ns])
        boot = self._clock.boots[int(self._clock.boot_at(at)[0])]
        line |= {"mono_ns": int(self._clock.mono(at)[0]), "boot": boot.id}
        if known:
            line["t_ns"] = self._schedule_ns(true_ns)
        if "t0_mono_ns" in line["read_back"]:
            zero = int(self._clock.mono(np.asarray([-self._late_ns]))[0])
            line["read_back"] |= {"t0_mono_ns": zero, "t0_boottime_ns": zero}
        return line

    def _schedule_ns(self, true_ns: float) -> int:
        """Return the time since T0 on the clock of the host's schedule."""
        return round(true_ns + self._late_ns)
