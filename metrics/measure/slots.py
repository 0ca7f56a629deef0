"""Every slot of a trial against the schedule: produced, missed and why, late, orphaned, double."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from metrics.intake.trial import SLOT_DUE, TrialData
from metrics.measure.blocks import PRODUCED, ChainView
from metrics.measure.metric import OF_PHASE, Columns, Expected, Figures, Metric, Pool, Range, Table
from metrics.model.method import Method
from metrics.model.shapes import Counts, each, part

NO_EVIDENCE = "no evidence"
EVER = (float("-inf"), float("inf"))
AFTER_SLOTS = 10
"""So many slots after a fault, a missing block may still be due to it."""
_NAMED = """
    SELECT slot, producer FROM event_slot_due WHERE trial = ? GROUP BY slot, producer
    QUALIFY row_number() OVER (PARTITION BY slot ORDER BY count(*) DESC, producer) = 1
"""
"""Whom most nodes named for each slot."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One expected slot. state is produced, missed or unknown; reason says why not produced."""

    slot: int
    t_ns: int
    phase: str
    producer: str
    host: str
    state: str
    reason: str
    late: bool
    orphaned: bool
    extra: int

    @property
    def colour_word(self) -> str:
        """Return the one word the slot grid shows for it."""
        if self.state != "produced":
            return "abstained" if self.reason.startswith("abstained") else self.state
        if self.extra:
            return "double"
        return "orphaned" if self.orphaned else ("late" if self.late else "produced")


def measure(data: TrialData, chain: ChainView) -> list[Slot]:
    """Return every slot from T0 to the end of observation, in order.

    Late: handed to the links a slot or more after its nominal time, on the common line. Orphaned:
    no part of the final or best chain. A slot for which no host anywhere holds a block is missed,
    also when its producer's node said nothing; unknown only where that node's record is lost.
    """
    by_slot = chain.by_slot
    why_not = _reason_teller(data, chain)
    late = _late_ids(data, chain)
    expected = data.once(_expected, chain)
    first, plan = data.file.genesis_slot + 1, data.plan
    last = data.slot_at(chain.intervals.before(data.end_ns, 1))
    result = []
    for slot in range(first, last + 1):
        t_ns = data.slot_time_ns(slot)
        producer = expected.get(slot)
        if producer is None:
            step = chain.intervals.at(t_ns)
            producer = "" if (slot - step.grid) % step.slots else plan.in_turn(slot // step.slots)
        if not producer:
            continue
        host = plan.host_of(producer)
        blocks = [b for b in by_slot.get(slot, []) if b.producer == producer]
        state, reason = ("produced", "") if blocks else why_not(slot, producer, host)
        result.append(
            Slot(
                slot=slot,
                t_ns=t_ns,
                phase=data.phase_at(t_ns),
                producer=producer,
                host=host,
                state=state,
                reason=reason,
                late=bool(blocks) and blocks[0].id in late,
                orphaned=bool(blocks) and blocks[0].id not in chain.canonical,
                extra=max(len(blocks) - 1, 0),
            )
        )
    return result


def nobodys(data: TrialData, chain: ChainView) -> list[int]:
    """Return the slots in which blocks would come that the rules leave to nobody, in order.

    After a maintenance block BitShares skips some (PROTOCOL C.3).
    """
    found = (slot for slot, producer in data.once(_expected, chain).items() if not producer)
    steps = ((slot, chain.intervals.at(data.slot_time_ns(slot))) for slot in found)
    return sorted(slot for slot, step in steps if (slot - step.grid) % step.slots == 0)


def pool(over: Pool[list[Slot]]) -> Figures:
    """Return the `slots` part of M."""
    found = [slot for _, slots in over.trials for slot in slots if slot.phase in over.phases]
    by_producer: dict[str, list[Slot]] = defaultdict(list)
    for slot in found:
        by_producer[slot.producer].append(slot)
    reasons = Counter(slot.reason for slot in found if slot.state == "missed")
    by_position: dict[int, list[Slot]] = defaultdict(list)
    for data, own in over.trials:
        for slot in own:
            if slot.phase in over.phases:
                by_position[slot.slot % data.plan.blocks_per_turn + 1].append(slot)
    slots = {
        **_counts(found),
        "by_producer": {name: _counts(own) for name, own in sorted(by_producer.items())},
        "by_position": {str(place): _counts(own) for place, own in sorted(by_position.items())},
        "reasons": dict(sorted(reasons.items())),
    }
    return {"slots": slots}


def _unsure(figures: Figures, name: str) -> Range | None:
    """Return the range of a count or a ratio, as each unknown slot may have been anything.

    How many extra blocks were signed for such a slot, nothing bounds.
    """
    slots = figures.get("slots", {})
    unknown = slots.get("unknown", 0)
    if not unknown:
        return None
    whole = slots["expected"] if name.endswith("_ratio") else 1
    start = slots[name.removeprefix("slots.").removesuffix("_ratio")]
    most = math.inf if name == "slots.double" else start + unknown
    why = f"{unknown} of {slots['expected']} slots unknown"
    return Range(start / whole, most / whole, why)


def _counts(slots: list[Slot]) -> Figures:
    states = Counter(slot.state for slot in slots)
    known = states["produced"] + states["missed"]
    return {
        "expected": len(slots),
        "produced": states["produced"],
        "missed": states["missed"],
        "unknown": states["unknown"],
        "late": sum(slot.late for slot in slots),
        "orphaned": sum(slot.orphaned for slot in slots),
        "double": sum(slot.extra for slot in slots),
        "missed_ratio": round(states["missed"] / known, 6) if known else None,
    }


def _expected(data: TrialData, chain: ChainView) -> dict[int, str]:
    """Return slot -> producer for every slot that any node reported or any final block filled.

    A schedule may change, or be shuffled every round, so the plan alone does not know it. Where
    nodes on different branches name different producers, the one of the chain that won counts, then
    the one most nodes name. An empty name: the rules leave that slot to nobody, so no block is
    missing there.
    """
    found: dict[int, str] = dict(data.db.execute(_NAMED, [data.file.n]).fetchall())
    for block in chain.blocks.values():
        if block.id in chain.canonical and block.producer:
            found[block.slot] = block.producer
    return found


def _late_ids(data: TrialData, chain: ChainView) -> set[str]:
    times = {e.id: data.slot_time_ns(e.slot) for e in data.events("produced", PRODUCED)}
    return {
        e.id
        for e in data.events("produced", PRODUCED)
        if max(e.t_ns - times[e.id], e.late_ns) >= chain.intervals.at(times[e.id]).every_ns
    }


def _lost_times(data: TrialData, chain: ChainView) -> dict[str, list[tuple[float, float]]]:
    """Return by host the stretches (since T0) of which its node's events are missing."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for loss in data.intake.losses:
        if loss.node != loss.host:
            continue
        ends = np.asarray([loss.mono_from_ns, loss.mono_to_ns], dtype=np.int64)
        lines = [data.timeline.line(e, ends).mid for e in data.epochs if e.host == loss.host]
        known = len(lines) == 1 and loss.after_seq >= 0 and bool(np.isfinite(lines[0]).all())
        found[loss.host].append(
            (chain.intervals.before(float(lines[0][0]), 1),
             chain.intervals.after(float(lines[0][1]), 1))
            if known else EVER
        )  # fmt: skip
    return found


def _reason_teller(data: TrialData, chain: ChainView) -> Callable[[int, str, str], tuple[str, str]]:
    """Return a function of (slot, producer, host) that judges a slot without a block: missed or
    unknown, and why.
    """
    abstained = {
        (e.host, e.slot, e.producer): e.reason
        for e in data.events("abstained", "slot producer reason")
    }

    @cache
    def seen() -> set[tuple[str, int]]:
        return {(e.host, e.slot) for e in data.events("slot_due", SLOT_DUE)}

    lost = _lost_times(data, chain)
    over_ns = {
        fault.id: chain.intervals.after(fault.end_ns, AFTER_SLOTS) for fault in data.planned.faults
    }

    def why_not(slot: int, producer: str, host: str) -> tuple[str, str]:
        t_ns = data.slot_time_ns(slot)
        if (host, slot, producer) in abstained:
            return "missed", f"abstained: {abstained[host, slot, producer]}"
        if host not in data.intake.hosts:
            return "unknown", "no events from the host"
        window = [
            fault
            for fault in data.planned.faults
            if host in fault.targets and fault.at_ns <= t_ns < over_ns[fault.id]
        ]
        if (host, slot) in seen():
            return "missed", (f"in {window[0].id}" if window else NO_EVIDENCE)
        if any(first <= t_ns <= last for first, last in lost.get(host, ())):
            return "unknown", "events lost"
        stopped = [fault.id for fault in window if fault.kind.stops]
        return "missed", (f"node down ({stopped[0]})" if stopped else "node silent")

    return why_not


_COUNTS: dict[str, Any] = {
    **dict.fromkeys(
        ("expected", "produced", "missed", "unknown", "late", "orphaned", "double"), int
    ),
    "missed_ratio": float | None,
}
_EACH = part("SlotCounts", **_COUNTS)
_METHODS = (
    Method(
        name="Slots produced, missed, unknown",
        figures=tuple(
            f"slots{part}.{key}"
            for part in ("", ".by_producer.*", ".by_position.*")
            for key in ("expected", "produced", "missed", "unknown", "missed_ratio")
        ),
        formula="expected = produced + missed + unknown. Produced: any host holds a block of the "
        "slot by the producer it belongs to. Missed: none does. Unknown: none does, and the record "
        "of that producer's node is lost there. missed_ratio = missed / (produced + missed).",
        left_out="Slots the rules give to nobody, the last slot, and unknown ones from the ratio. "
        "Warm-up from the whole trial.",
        assumes="A slot belongs to whom the winning chain, else most nodes named at its time, else "
        "to whom the plan's order gives it. by_position: by its place in the turn of its producer, "
        "1 the first.",
        counts=(
            ("phases.warmup.slots.expected", "of warm-up"),
            ("metrics.slots.unknown", "unknown"),
        ),
    ),
    Method(
        name="Slots late, orphaned, double",
        figures=tuple(
            f"slots{part}.{key}"
            for part in ("", ".by_producer.*", ".by_position.*")
            for key in ("late", "orphaned", "double")
        ),
        formula="Of produced slots. Late: handed to the links a slot or more after the nominal "
        "time, on the time line or by the node's own clock. Orphaned: the block is of no final and "
        "not of the best branch. Double: blocks signed for the slot beyond the first.",
        left_out="Nothing is known of those of unknown slots.",
        assumes="The best branch is that of the host with the highest irreversible block at the "
        "end. Late is decided by the middle of the time's interval.",
        counts=(("metrics.slots.unknown", "unknown"),),
    ),
    Method(
        name="Why slots were missed",
        figures=("slots.reasons.*",),
        formula="The reason the producer's node gave for abstaining. Else, with a fault of its "
        f"host in force or ended less than {AFTER_SLOTS} slots before: down in that fault, where "
        "the node told nothing of the slot, or just in it. Else: silent, or no evidence.",
        left_out="Unknown slots.",
        assumes="A fault named is one that was in force, not a proven cause.",
    ),
)
METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={
        "slots": part("Slots", **_COUNTS, by_producer=each(_EACH), by_position=each(_EACH),
                      reasons=Counts)
    },
    methods=_METHODS,
    place=2,
    expected=tuple(
        Expected(f"slots.{key}", open=None if key in ("expected", "unknown") else _unsure)
        for key in (
            "expected", "produced", "missed", "unknown", "late", "orphaned", "double",
            "missed_ratio",
        )
    ),
    table=Table(
        "slots",
        "an expected slot",
        {
            "slot": "number of the slot",
            "t_ns": "nominal time of the slot",
            **OF_PHASE,
            "producer": "whose slot it is",
            "host": "where that producer's node runs",
            "state": "produced, missed or unknown",
            "reason": "why not produced",
            "late": "its block was out a slot or more after its time",
            "orphaned": "its block is of no final and not of the best branch",
            "extra": "blocks signed for it beyond the first",
        },
        lambda found: (
            (s.slot, s.t_ns, s.phase, s.producer, s.host, s.state, s.reason, s.late, s.orphaned,
             s.extra)
            for s in found
        ),
    ),
    columns=Columns(
        heads='<th class="n">slots<br>missed</th><th class="n">orphaned</th>',
        cells='<td class="n">{{ m.slots.missed }} of {{ m.slots.expected }}'
        "{% if m.slots.unknown %}<br>{{ m.slots.unknown }} unknown{% endif %}</td>"
        '<td class="n">{{ m.slots.orphaned }}</td>',
    ),
)  # fmt: skip
