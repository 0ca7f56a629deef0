"""Schedules, elections and pay, from what hosts wrote behind the blocks of the final chain."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.sim.second.agree import Near
from tests.sim.second.blocks import Chain
from tests.sim.second.record import Line, Second
from tests.sim.second.spread import Sample, Trials, about, exact, spread

DEEDS = (
    "schedule", "voted", "proxied", "registered", "activated", "elected", "fee_changed", "paid",
    "pay_schedule",
)  # fmt: skip
STATES = ("proposed", "pending", "active")
WIDE_S = 0.005
"""What the first analysis' bounds of clocks may leave open, see finality."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What a final block did: the line of it, when the first host had the block, the window."""

    line: Line
    id: str
    t: float
    slack: float
    window: str

    @property
    def shown(self) -> dict[str, Any]:
        """Return the block and its time as a summary shows them."""
        low, high, wide = self.t - self.slack, self.t + self.slack, WIDE_S
        return {
            "block": self.line["num"],
            "id": self.id,
            "t_s": Near(low - wide, high + wide),
            "error_s": [Near(low - wide, high), Near(low, high + wide)],
        }


@dataclass(slots=True)
class Step:
    """A schedule that was proposed: by whom it differs from the one before, and its later steps."""

    proposed: Deed
    before: list[str]
    why: str
    pending: Deed | None = None
    active: Deed | None = None
    fate: str = "open"

    @property
    def shown(self) -> dict[str, Any]:
        """Return it as a summary shows it."""
        now = self.proposed.line["producers"]
        return {
            "version": self.proposed.line["version"],
            "producers": now,
            "joined": [name for name in now if name not in self.before],
            "left": [name for name in self.before if name not in now],
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
        step = Step(deed, passed[-1] if passed else start, why)
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
    return steps


def of_trial(found: Told) -> dict[str, Any]:
    """Return what a summary says of one trial."""
    activated = [{**x.shown, "weight": x.line["weight"]} for x in found.of("activated")]
    results = [
        {**x.shown, **{k: x.line[k] for k in ("outcome", "producers", "standby", "tally", "out")}}
        for x in found.of("elected")
    ]
    pay = {
        "payments": _parts(found.of("paid"), what="what", account="account", units="amount"),
        "fee_changes": _parts(
            found.of("fee_changed"), endpoint="endpoint", before="before", units="amount",
            votes="votes",
        ),
        "schedules": _parts(found.of("pay_schedule"), producers="producers", pot="pot"),
    }  # fmt: skip
    said: dict[str, Any] = {}
    if found.steps:
        changes = [step.shown for step in found.steps]
        said["schedules"] = {"start": found.start, "changes": changes, "contradictions": []}
    if activated or results:
        said["elections"] = {"activated": (activated or [None])[0], "results": results}
    return {**said, "pay": pay} if any(pay.values()) else said


def _parts(deeds: list[Deed], **names: str) -> list[dict[str, Any]]:
    return [{**x.shown, **{name: x.line[key] for name, key in names.items()}} for x in deeds]


def figures(trials: list[Told], names: set[str]) -> dict[str, Any]:
    """Return what M says of the deeds in the named windows, over trials; what is not, not."""
    steps = [[x for x in t.steps if x.proposed.window in names] for t in trials]
    deeds = [x for t in trials for x in t.deeds if x.window in names]
    kinds = Counter(x.line["kind"] for x in deeds)
    m: dict[str, Any] = {}
    if any(t.steps for t in trials):
        fates = Counter(x.fate for own in steps for x in own)
        words = {fate: fates[fate] for fate in ("active", "replaced", "open")}
        m["schedule"] = {"changes": fates.total(), **words, "unknown_blocks": 0}
        blocks, seconds = _delays(steps)
        m["schedule_delay_blocks"] = spread(blocks)
        m["schedule_delay_s"] = spread(seconds, wide=2 * WIDE_S)
    acts = ("voted", "proxied", "registered")
    if any(t.of("elected", "activated", *acts) for t in trials):
        outcomes = Counter(x.line["outcome"] for x in deeds if x.line["kind"] == "elected")
        m["elections"] = {
            "results": outcomes.total(), "proposed": outcomes["proposed"],
            "outcomes": dict(outcomes), **{act: kinds[act] for act in acts},
        }  # fmt: skip
    if any(t.of("paid", "fee_changed", "pay_schedule") for t in trials):
        paid = [x.line for x in deeds if x.line["kind"] == "paid"]
        fees = [x.line["endpoint"] for x in deeds if x.line["kind"] == "fee_changed"]
        m["pay"] = {
            "payments": len(paid), "schedules": kinds["pay_schedule"], "fee_changes": len(fees),
            "by_what": _sums(paid, "what"), "by_account": _sums(paid, "account"),
            "by_endpoint": dict(Counter(fees)),
        }  # fmt: skip
    return m


def _sums(paid: list[Line], key: str) -> dict[str, int]:
    return {
        name: sum(x["amount"] for x in paid if x[key] == name) for name in {x[key]: 0 for x in paid}
    }


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
