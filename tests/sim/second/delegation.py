"""Schedules, elections and pay, from what hosts wrote behind the blocks of the final chain."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.sim.second import decisions, elections, hard_forks, pay
from tests.sim.second.blocks import Chain
from tests.sim.second.deeds import WIDE_S, Deed
from tests.sim.second.record import Line, Second
from tests.sim.second.spread import Sample, Trials, about, exact, spread

UNCOUNTED = ("random", "raffled", "noted")
"""What blocks do, too, of which there are no figures."""
DEEDS = (
    "schedule", *elections.KINDS, *decisions.KINDS, *hard_forks.KINDS, *pay.KINDS, *UNCOUNTED,
)  # fmt: skip
STATES = ("proposed", "pending", "active")


@dataclass(slots=True)
class Step:
    """A schedule that was proposed: by whom it differs from the one before, and its later steps."""

    proposed: Deed
    before: list[str]
    why: str
    now: list[str]
    version: int
    pending: Deed | None = None
    active: Deed | None = None
    fate: str = "open"

    @property
    def shown(self) -> dict[str, Any]:
        """Return it as a summary shows it."""
        return {
            "version": self.version,
            "producers": self.now,
            "joined": [name for name in self.now if name not in self.before],
            "left": [name for name in self.before if name not in self.now],
            "why": self.why,
            "fate": self.fate,
            "proposed": self.proposed.shown,
            "pending": self.pending and self.pending.shown,
            "active": self.active and self.active.shown,
        }


@dataclass(frozen=True, slots=True)
class Told:
    """What a trial's final blocks did, and the steps of its schedules."""

    start: list[str]
    deeds: list[Deed]
    steps: list[Step]

    def of(self, *kinds: str) -> list[Deed]:
        """Return the deeds of some kinds, in order of blocks."""
        return [deed for deed in self.deeds if deed.line["kind"] in kinds]


def told(s: Second, known: Chain) -> Told:
    """Return what the final blocks of a trial did."""
    liars = {h for f in s.planned["faults"] if f["fault"] == "byzantine" for h in f["targets"]}
    did: dict[str, list[Line]] = {}
    first: dict[str, float] = {}
    for host in s.hosts:
        own = [x for x in s.lines.get(host, []) if x["node"] == host and host not in liars]
        for i, line in enumerate(own):
            if line["kind"] == "applied" and line["id"] in known.final:
                end = i + 1
                while end < len(own) and own[end]["kind"] in DEEDS:
                    end += 1
                first[line["id"]] = min(first.get(line["id"], math.inf), s.t(line))
                longest = max(did.get(line["id"], []), own[i + 1 : end], key=len)
                did[line["id"]] = longest
    deeds = [
        Deed(line, id_, first[id_], s.slack_s, s.name_of(s.slot_t(known.blocks[id_]["slot"])))
        for id_ in sorted(did, key=lambda id_: int(known.blocks[id_]["num"]))
        for line in did[id_]
    ]
    alone = (s.plan.get("fio") or {}).get("initial") == "system"
    start = s.plan["producers"][: 1 if alone else None]
    return Told(start, deeds, _steps(start, deeds))


def _steps(start: list[str], deeds: list[Deed]) -> list[Step]:
    """Return each proposed schedule with what became of it."""
    steps: list[Step] = []
    ballots = [(x.id, x.line["producers"]) for x in deeds if x.line.get("outcome") == "proposed"]
    lines = [deed for deed in deeds if deed.line["kind"] == "schedule"]
    for i, deed in enumerate(lines):
        if deed.line["state"] != "proposed":
            continue
        own = deed.line["producers"]
        passed = [x.line["producers"] for x in lines[:i] if x.line["state"] != "proposed"]
        why = "election" if (deed.id, own) in ballots else "system account"
        step = Step(deed, passed[-1] if passed else start, why, own, deed.line["version"])
        for later in lines[i + 1 :]:
            same = (later.line["version"], later.line["producers"]) == (deed.line["version"], own)
            if later.line["state"] == "proposed" and step.pending is None:
                step.fate = "replaced"
                break
            if same and later.line["state"] == "pending":
                step.pending = later
            elif same and later.line["state"] == "active":
                step.active, step.fate = later, "active"
                break
        steps.append(step)
    return steps or _shuffled(start, deeds)


def _shuffled(start: list[str], deeds: list[Deed]) -> list[Step]:
    """Return each set of witnesses that a maintenance elected, and what became of it."""
    steps: list[Step] = []
    results = [d for d in deeds if d.line["kind"] == "witnesses_elected"]
    shuffles = [d for d in deeds if d.line["kind"] == "schedule"]
    lines = sorted([*results, *shuffles], key=lambda deed: int(deed.line["num"]))
    waiting, on_duty = set(start), start
    for i, deed in enumerate(lines):
        if deed.line["kind"] == "schedule":
            on_duty = deed.line["producers"]
            continue
        own = sorted(deed.line["witnesses"])
        if set(own) not in (waiting, set(on_duty)):
            # No step of its own: as they are now on duty, those that wait are elected no more.
            steps.append(_until_shuffle(Step(deed, on_duty, "election", own, -1), lines[i + 1 :]))
        waiting = set(own)
    return steps


def _until_shuffle(step: Step, later: list[Deed]) -> Step:
    for deed in later:
        elected = deed.line["kind"] == "witnesses_elected"
        same = set(deed.line["witnesses" if elected else "producers"]) == set(step.now)
        if elected and not same:
            step.fate = "replaced"
            break
        if same and not elected:
            step.active, step.fate, step.version = deed, "active", deed.line["version"]
            break
    return step


def of_trial(found: Told) -> dict[str, Any]:
    """Return what a summary says of one trial."""
    said: dict[str, Any] = {}
    if found.steps:
        changes = [step.shown for step in found.steps]
        said["schedules"] = {"start": found.start, "changes": changes, "contradictions": []}
    said |= elections.of_trial(found.deeds)
    for part in (decisions, hard_forks, pay):
        said |= part.of_trial(found.deeds)
    return said


def figures(trials: list[Told], names: set[str]) -> dict[str, Any]:
    """Return what M says of the deeds in the named windows, over trials; what is not, not."""
    steps = [[x for x in t.steps if x.proposed.window in names] for t in trials]
    deeds = [x for t in trials for x in t.deeds if x.window in names]
    m: dict[str, Any] = {}
    if any(t.steps for t in trials):
        fates = Counter(x.fate for own in steps for x in own)
        words = {fate: fates[fate] for fate in ("active", "replaced", "open")}
        m["schedule"] = {"changes": fates.total(), **words, "unknown_blocks": 0}
        blocks, seconds = _delays(steps)
        m["schedule_delay_blocks"] = spread(blocks)
        m["schedule_delay_s"] = spread(seconds, wide=2 * WIDE_S)
    m |= elections.figures([t.deeds for t in trials], names)
    m |= decisions.figures([t.deeds for t in trials], names)
    m |= hard_forks.figures([t.deeds for t in trials], names)
    if any(t.of(*pay.KINDS) for t in trials):
        m["pay"] = pay.figures([deed.line for deed in deeds])
    return m


def _delays(steps: list[list[Step]]) -> tuple[Trials, Trials]:
    """Return from proposal to activity in blocks and in seconds; what is not there yet is open."""
    blocks: Trials = [[] for _ in steps]
    seconds: Trials = [[] for _ in steps]
    for own, in_blocks, in_seconds in zip(steps, blocks, seconds, strict=True):
        for step in own:
            a, b = step.proposed, step.active
            if b is not None:
                in_blocks.append(exact(b.line["num"] - a.line["num"]))
                in_seconds.append(about(b.t - a.t, 2 * a.slack))
            elif step.fate == "open":
                in_blocks.append(Sample(math.inf, math.inf))
                in_seconds.append(Sample(math.inf, math.inf))
    return blocks, seconds
