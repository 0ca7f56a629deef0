"""The schedule's history on the final branch: who was to produce from when, and why it changed.

A proposal becomes pending when it is final, and active when that is final (PROTOCOL A.7). On
BitShares a maintenance that elects others is the proposal, and the next shuffle makes it active
(C.4). Who merely takes turns in another order is scheduled as before.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from metrics.intake.schedules import start
from metrics.intake.trial import OUTSIDE, Event, TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.delegation.facts import (
    MOMENT,
    SCHEDULE,
    UNKNOWN_BLOCKS,
    Moment,
    Settled,
    at_least,
    names,
    said,
    settled,
)
from metrics.measure.metric import Expected, Figures, Metric, Pool, Table
from metrics.model.method import Method
from metrics.model.quantiles import Samples, summarise
from metrics.model.shapes import Q, part

STEPS = PROPOSED, PENDING, ACTIVE = "proposed", "pending", "active"
REPLACED, OPEN = "replaced", "open"
"""What became of a schedule that is not active: another one was proposed first, or nothing yet."""
SYSTEM, ELECTION, UNTOLD = "system account", "election", "not told"
"""Why a schedule was proposed; untold where nobody tells that it was."""
SHUFFLED = -1
"""Version of a schedule that was elected and has no order yet."""


@dataclass(slots=True)
class Change:
    """A schedule other than the one before it, and the final blocks that took it each step.

    A step is None where it was not reached, or where no record tells of it. joined and left:
    against the one before; neither where only keys or turns changed. phase: that of the first step.
    """

    version: int
    producers: list[str]
    joined: list[str]
    left: list[str]
    why: str
    phase: str = OUTSIDE
    fate: str = OPEN
    proposed: Moment | None = None
    pending: Moment | None = None
    active: Moment | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Who was scheduled at the start, and each change in the order of its first step."""

    start: list[str]
    changes: list[Change]
    unknown: int
    contradictions: list[str] = field(default_factory=list)

    def spells(self, end_ns: float) -> Iterator[tuple[str, float, float]]:
        """Yield (producer, from, to) of each time without a break in which it was scheduled."""
        since = dict.fromkeys(self.start, 0.0)
        for change in self.changes:
            if change.active is not None:
                t_ns = change.active.t_ns
                for name in _without(list(since), change.producers):
                    yield name, since.pop(name), t_ns
                since |= {name: t_ns for name in change.producers if name not in since}
        for name, from_ns in since.items():
            yield name, from_ns, end_ns


def measure(data: TrialData, chain: ChainView) -> History:
    """Return the history of the trial's schedules."""
    found = settled(data, chain)
    changes = _changes(data, found)
    return History(start(data.plan), changes, found.unknown, found.contradictions)


def _changes(data: TrialData, found: Settled) -> list[Change]:
    """Return each schedule that was another one than the last before it."""
    changes: list[Change] = []
    latest = start(data.plan)
    elected = {(moment.id, fact.producers) for moment, fact in found.of("elected")
               if fact.outcome == PROPOSED}  # fmt: skip
    # A maintenance block may end a round, too: it shuffles those whom it elected.
    told = sorted(
        found.of("schedule", "witnesses_elected"),
        key=lambda each: (each[1].num, each[1].kind == "schedule"),
    )
    for moment, fact in told:
        waiting = [c for c in changes if c.fate == OPEN]
        if fact.kind == "witnesses_elected":
            phase = data.phase_at(data.slot_time_ns(moment.slot))
            changes += _elected(sorted(fact.witnesses), latest, waiting, moment, phase)
            continue
        producers = names(fact.producers)
        change = next((c for c in reversed(waiting) if _same(c, fact, producers)), None)
        if fact.state == PROPOSED:
            for other in waiting:
                if other.pending is None:
                    other.fate = REPLACED
            change = None
        if change is None:
            if fact.state == ACTIVE and set(producers) == set(latest):
                continue  # Known to nobody as a proposal: the same producers in another order.
            change = Change(
                fact.version, producers, _without(producers, latest), _without(latest, producers),
                _why(fact, is_elected=(moment.id, fact.producers) in elected),
                data.phase_at(data.slot_time_ns(moment.slot)),
            )  # fmt: skip
            changes.append(change)
        change.version = fact.version
        setattr(change, fact.state, moment)
        if fact.state != PROPOSED:
            latest = producers
        if fact.state == ACTIVE:
            change.fate = ACTIVE
    return changes


def _elected(
    producers: list[str], latest: list[str], waiting: list[Change], at: Moment, phase: str
) -> list[Change]:
    """Return the change that a maintenance began, if it did: it is in force from the next shuffle.

    What an earlier one began, and this one decided otherwise, is replaced.
    """
    same = [c for c in waiting if set(c.producers) == set(producers)]
    for other in waiting:
        if other not in same:
            other.fate = REPLACED
    if same or set(producers) == set(latest):
        return []
    return [
        Change(
            SHUFFLED, producers, _without(producers, latest), _without(latest, producers), ELECTION,
            phase, proposed=at,
        )
    ]  # fmt: skip


def _why(fact: Event, *, is_elected: bool) -> str:
    if fact.state != PROPOSED:
        return UNTOLD
    return ELECTION if is_elected else SYSTEM


def _same(change: Change, fact: Event, producers: list[str]) -> bool:
    if change.version == SHUFFLED:
        return set(change.producers) == set(producers)
    return change.version == fact.version and change.producers == producers


def _without(names: list[str], others: list[str]) -> list[str]:
    return [name for name in names if name not in others]


def pool(over: Pool[History]) -> Figures:
    """Return `schedule` and how long changes took, of those whose first step lies in the phases.

    Nothing where no schedule changed and all that final blocks did is known.
    """
    if not any(found.changes or found.unknown for _, found in over.trials):
        return {}
    trials = [[c for c in found.changes if c.phase in over.phases] for _, found in over.trials]
    fates = Counter(change.fate for changes in trials for change in changes)
    blocks = [_delays(changes, seconds=False) for changes in trials]
    return {
        SCHEDULE: {
            "changes": fates.total(),
            **{fate: fates[fate] for fate in (ACTIVE, REPLACED, OPEN)},
            UNKNOWN_BLOCKS: sum(found.unknown for _, found in over.trials),
        },
        "schedule_delay_blocks": summarise(blocks, scale=1, digits=3),
        "schedule_delay_s": summarise(
            [_delays(changes, seconds=True) for changes in trials], scale=1e9, digits=6
        ),
    }


def _delays(changes: list[Change], *, seconds: bool) -> Samples:
    """Return from proposal to activity, in blocks or in ns; what never became active is censored.

    Replaced ones are left out; of an active one whose proposal is not known the delay is unknown.
    """
    samples = Samples()
    for change in changes:
        first, last = change.proposed, change.active
        if change.fate == OPEN:
            samples.censored += 1
        elif change.fate == ACTIVE and (first is None or last is None):
            samples.unknown += 1
        elif first is not None and last is not None:
            if not seconds:
                samples.add(*[last.num - first.num] * 3)
            elif first.t_ns == first.t_ns and last.t_ns == last.t_ns:
                ends = last.lo_ns - first.hi_ns, last.hi_ns - first.lo_ns
                samples.add(last.t_ns - first.t_ns, *ends)
            else:
                samples.unknown += 1
    return samples


def told(found: History) -> Figures:
    """Return what summary.json says of a trial's schedules; nothing where none changed."""
    if not found.changes and not found.contradictions:
        return {}
    changes = [
        {
            **{name: getattr(change, name) for name in _WORDS},
            **{step: said(getattr(change, step)) for step in STEPS},
        }
        for change in found.changes
    ]
    return {
        "schedules": {
            "start": found.start, "changes": changes, "contradictions": found.contradictions
        }
    }  # fmt: skip


_WORDS = ("version", "producers", "joined", "left", "why", "fate")


def _rows(found: History) -> Iterator[tuple[Any, ...]]:
    for change in found.changes:
        for step in STEPS:
            at: Moment | None = getattr(change, step)
            if at is not None:
                yield (
                    change.phase, change.version, step, *at.columns,
                    " ".join(change.producers), " ".join(change.joined), " ".join(change.left),
                    change.why, change.fate,
                )  # fmt: skip


METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={
        SCHEDULE: part(
            "Schedule", **dict.fromkeys(("changes", ACTIVE, REPLACED, OPEN, UNKNOWN_BLOCKS), int)
        ),
        "schedule_delay_blocks": Q,
        "schedule_delay_s": Q,
    },
    sometimes=True,
    methods=(
        Method(
            name="Schedule changes",
            figures=("schedule.*",),
            formula="Schedules other than the one before that final blocks proposed, by the phase "
            "of the proposing block's slot. Active: it came into force. Replaced: another one was "
            "proposed before it was pending. Open: neither by the end. unknown_blocks: final "
            "blocks of which it is not known what they did, in all phases.",
            left_out="What only lost branches did, what lying hosts and damaged records tell, "
            "and orders of turns that change alone. Where nothing changed there are no figures.",
            assumes="Each node tells what a block did when it executes it, before its next line.",
        ),
        Method(
            name="From a proposed schedule to an active one",
            figures=("schedule_delay_blocks", "schedule_delay_s"),
            formula="From the block that proposed it to the one that made it active: of their "
            "numbers, and of the moments when the first host had executed each. Not active by the "
            "end: censored.",
            left_out="Replaced ones.",
            assumes="As for schedule changes; the seconds rest on the clocks' bounds.",
            source="PROTOCOL A.7: the proposal must be final, then what its announcement is in; "
            "C.4: the first shuffle after it",
        ),
    ),
    place=5,
    expected=(
        Expected("schedule.active", open=at_least),
        Expected("schedule.changes", open=at_least),
        Expected("schedule_delay_blocks", quantiles=True),
        Expected("schedule_delay_s", quantiles=True),
    ),
    table=Table(
        "schedules",
        "a step of a schedule on its way into force",
        {
            "phase": "phase in which its first step lies",
            "version": "version of the schedule",
            "step": "proposed, pending or active",
            **MOMENT,
            "producers": "who is scheduled",
            "joined": "who was not before",
            "left": "who was before",
            "why": "what brought it about",
            "fate": "active, replaced or open",
        },
        _rows,
    ),
    told=told,
    tells={"schedules": dict[str, Any]},
)
