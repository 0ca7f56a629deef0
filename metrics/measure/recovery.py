"""How long a host that a fault disturbed needs once it is healed: to a new final block, and back.

Lag here is the network's head minus the host's last irreversible block, sampled at every slot. A
host is disturbed when, from the begin of the fault to a round after its end (or to the begin of the
next), its lag was more than one block above the worst of the baseline, nothing became final there
for more than a round, or it told no slot. It is back once its lag is that of the baseline again for
a whole round in which finality moved, if a block that was made after the heal became final there.
The clock starts when the last host healed, as the common time line has it. A host that is not back
by the end of the trial is censored. A sample a slot: back lies between the last sample that was
not, and the first one that was. Hosts tell their slots at the same moment, so which head was there
before is not known of all: the least that a lag may have been counts, and of the baseline the most.
Where the clocks' error leaves open which block or sample it is, a moment's interval holds each that
it may be.
"""

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from faults.model.record import Record
from metrics.intake.clock_pairs import CRYSTAL_PPM
from metrics.intake.intervals import Intervals
from metrics.intake.trial import TrialData
from metrics.measure.blocks import IRREVERSIBLE, ChainView
from metrics.measure.head_lag import Lag, Series, network_lag, series
from metrics.measure.metric import Figures, Metric, Pool, Table
from metrics.model.arrays import Bools, Floats
from metrics.model.method import Method
from metrics.model.plan import BASELINE, Plan, PlannedFault
from metrics.model.quantiles import Samples, summarise
from metrics.model.shapes import Q, RecoveryQ

TOLERANCE_BLOCKS = 1
SILENT_SLOTS = 3.5
"""A node that tells no slot for longer is not there. Slots are told at their times, so what lies
between two of them is a whole number of slots, give or take the clocks: limits lie half-way."""
NEVER = (None, None, None)
"""A moment that did not come by the end, in the table."""


class Moment(NamedTuple):
    """A moment since T0, with the interval it must lie in."""

    t_ns: float
    lo_ns: float
    hi_ns: float


@dataclass(frozen=True, slots=True)
class Stays:
    """How long a host must stay as it was for a round."""

    plan: Plan
    intervals: Intervals

    def of(self, t_ns: float) -> tuple[int, float]:
        """Return (samples of the round that begins at a time, the most ns they may take)."""
        step = self.intervals.at(t_ns)
        samples = max(self.plan.round_blocks * step.slots, 2)
        return samples, samples * self.plan.slot_ns + SILENT_SLOTS * step.every_ns


@dataclass(frozen=True, slots=True)
class Recovery:
    """One host after one fault; None where it did not happen by the end of the trial."""

    fault: str
    host: str
    healed: Moment
    disturbed: bool
    first_final: Moment | None
    back: Moment | None


def measure(data: TrialData, chain: ChainView) -> list[Recovery]:
    """Return the recovery of every host after every fault that ended within the trial.

    A host that another fault keeps down has nothing to recover from then. Faults often end, or
    begin, at one planned moment: which of them was first must not hang on microseconds, so a heal
    counts as no earlier than planned.
    """
    if not data.planned.faults:
        return []
    hosts = series(data)
    lags = {host: network_lag(hosts, host) for host in hosts}
    limit = _baseline_limit(data, hosts, lags)
    finals = _final_times(data, chain)
    intervals, stays = chain.intervals, Stays(data.plan, chain.intervals)
    result = []
    for fault in data.planned.faults:
        healed = healed_at(data, fault)
        over_ns = max(healed.t_ns, fault.end_ns)
        if fault.open or over_ns >= data.end_ns:
            continue
        for host, samples in hosts.items():
            if _kept_down(data, host, over_ns):
                continue
            first = _first_final(finals[host], healed)
            window = (fault.at_ns, own_until(data, intervals, fault, healed))
            result.append(
                Recovery(
                    fault=fault.id,
                    host=host,
                    healed=healed,
                    disturbed=_disturbed(
                        samples, lags[host].least > limit, window, data, intervals
                    ),
                    first_final=first,
                    back=_back(samples, lags[host], limit, healed, stays) if first else None,
                )
            )
    return result


def pool(over: Pool[list[Recovery]]) -> Figures:
    """Return {fault id: quantiles} of the time back to normal and of the first new final block.

    One sample a host that the fault disturbed. Phases alone have none, and neither has what lasts
    to the end of the trial.
    """
    back: dict[str, Figures] = {}
    first: dict[str, Figures] = {}
    ended = [f.id for data, _ in over.trials for f in data.planned.faults if not f.open]
    for fault in dict.fromkeys(ended) if over.whole else ():
        parts = [[item for item in found if item.fault == fault] for _, found in over.trials]
        watched = [
            data.end_ns - item.healed.hi_ns
            for (data, _), part in zip(over.trials, parts, strict=True)
            for item in part
        ]
        back[fault] = _summary(parts, lambda item: item.back)
        back[fault]["watched_s"] = round(min(watched, default=0) / 1e9, 3)
        back[fault]["undisturbed"] = sum(not item.disturbed for part in parts for item in part)
        first[fault] = _summary(parts, lambda item: item.first_final)
    return {"recovery_s": back, "first_final_s": first}


def _summary(trials: list[list[Recovery]], reached: Callable[[Recovery], Moment | None]) -> Figures:
    """Return the quantiles of how long after the heal disturbed hosts reached a moment."""
    samples = []
    for found in trials:
        samples.append(Samples())
        for item in found:
            moment = reached(item)
            if item.disturbed and moment:
                samples[-1].add(*since(moment, item.healed))
            elif item.disturbed:
                samples[-1].censored += 1
    return summarise(samples, scale=1e9, digits=6)


def since(moment: Moment, healed: Moment) -> tuple[float, float, float]:
    """Return how long after the heal a moment was, and the interval of that, none below zero."""
    low, high = moment.lo_ns - healed.hi_ns, moment.hi_ns - healed.lo_ns
    return max(moment.t_ns - healed.t_ns, 0.0), max(low, 0.0), max(high, 0.0)


def healed_at(data: TrialData, fault: PlannedFault) -> Moment:
    """Return the moment the last host healed, by its agent's stamps, else as the plan ends it.

    A host's schedule began when its own clock said T0, so it is put on the common time line; that
    of a provider, whose clock nobody probes, is taken as it is.
    """
    found = _changes(data, fault, "healed")
    planned = Moment(fault.end_ns, fault.end_ns, fault.end_ns)
    return Moment(*map(max, zip(*found, strict=True))) if found else planned


def begun_at(data: TrialData, fault: PlannedFault) -> Moment:
    """Return the moment a fault was in force on its first host, else as the plan begins it."""
    found = _changes(data, fault, "installed")
    planned = Moment(fault.at_ns, fault.at_ns, fault.at_ns)
    return Moment(*map(min, zip(*found, strict=True))) if found else planned


def _changes(data: TrialData, fault: PlannedFault, state: str) -> list[Moment]:
    return [
        _placed(data, record, record.between_ns)
        for record in data.agents
        if record.fault_id == fault.id and record.state == state and record.between_ns
    ]


def _placed(data: TrialData, record: Record, between_ns: tuple[int, int]) -> Moment:
    """Return the moment of a change that an agent recorded, within what it says."""
    first_ns, last_ns = between_ns
    own = Moment((first_ns + last_ns) / 2, first_ns, last_ns)
    if record.t_ns is None:
        return own
    since = np.asarray([record.t_ns - first_ns, record.t_ns - last_ns], dtype=np.int64)
    found = data.timeline.line(data.epoch_of(record), record.mono_ns - since)
    slack = np.abs(since) * (CRYSTAL_PPM / 1e6)
    lo_ns, hi_ns = float((found.lo - slack)[0]), float((found.hi + slack)[1])
    if not (math.isfinite(lo_ns) and math.isfinite(hi_ns)):
        return own
    return Moment(float(found.mid.mean()), lo_ns, hi_ns)


def own_until(data: TrialData, intervals: Intervals, fault: PlannedFault, healed: Moment) -> float:
    """Return until when a disturbance may be the fault's: a round after it, or the next begin."""
    until_ns = float(_by_tenths(np.asarray(healed.t_ns), data))
    until_ns = intervals.after(until_ns, data.plan.round_blocks)
    begins = [other.at_ns for other in data.planned.faults if other.id != fault.id]
    return min([until_ns, *(at_ns for at_ns in begins if at_ns >= fault.end_ns)])


def _kept_down(data: TrialData, host: str, t_ns: float) -> bool:
    """Return whether a fault keeps the host's node down at a moment."""
    return any(
        fault.kind.stops and host in fault.targets and fault.at_ns <= t_ns < fault.end_ns
        for fault in data.planned.faults
    )


def _disturbed(
    found: Series, behind: Bools, window: tuple[float, float], data: TrialData, intervals: Intervals
) -> bool:
    """Return whether the host was behind, at a standstill or silent somewhere in the window."""
    plan = data.plan
    start_ns, end_ns = window[0], min(window[1], data.end_ns)
    t_ns = _by_tenths(found.t_ns, data)
    inside = (t_ns >= start_ns) & (t_ns <= end_ns)
    moved = inside & np.concatenate([[False], np.diff(found.lib) > 0])

    def gap(times: Floats) -> float:
        """Return the longest time between some, in slots that somebody has."""
        edges = np.concatenate([[start_ns], times, [end_ns]])
        return float(np.diff(intervals.positions(edges)).max())

    return (
        bool(behind[inside].any())
        or gap(t_ns[inside]) > SILENT_SLOTS
        or gap(t_ns[moved]) > plan.round_blocks + plan.blocks_per_turn + 0.5
    )


def _by_tenths(t_ns: Floats, data: TrialData) -> Floats:
    """Return moments rounded to a tenth of a slot.

    A window often begins or ends at a slot's time, and whether what was told then lies within it
    must not hang on microseconds.
    """
    tenth_ns = data.plan.slot_ns / 10
    found: Floats = np.round(t_ns / tenth_ns) * tenth_ns
    return found


def _first_final(finals: list[tuple[Moment, int]], healed: Moment) -> Moment | None:
    """Return the moment the first block that was made after the heal became final at a host."""

    def first(end: int) -> float:
        """Return the earliest of one end of the moments; infinite when there is none."""
        ends = (moment[end] for moment, slot_ns in finals if slot_ns >= healed[end])
        return max(min(ends, default=math.inf), healed[end])

    t_ns, lo_ns, hi_ns = (first(end) for end in range(3))
    return None if t_ns == math.inf else Moment(t_ns, min(lo_ns, t_ns), max(hi_ns, t_ns))


def _baseline_limit(data: TrialData, hosts: dict[str, Series], lags: dict[str, Lag]) -> float:
    """Return the worst lag of the baseline (else the predicted one) plus the tolerance.

    Until the first block after the genesis is final, lag is that of the start, and no host's normal
    one, however early the baseline begins.
    """
    worst: list[float] = []
    for phase in (phase for phase in data.planned.phases if phase.name == BASELINE):
        for host, found in hosts.items():
            t_ns = _by_tenths(found.t_ns, data)
            inside = (t_ns >= phase.start_ns) & (t_ns < phase.end_ns)
            inside &= found.lib > found.lib[0]
            worst += lags[host].most[inside].tolist()
    predicted = float(data.plan.prediction.finality_lag_blocks.max)
    return max(worst, default=predicted) + TOLERANCE_BLOCKS


def _back(found: Series, lag: Lag, limit: float, healed: Moment, stays: Stays) -> Moment | None:
    """Return from when a host's lag was normal for a whole round in which finality moved."""
    now = _since_when(found, lag.least <= limit, found.t_ns >= healed.t_ns, stays)
    if now is None:
        return None
    first = _since_when(found, lag.least <= limit, found.hi_ns >= healed.lo_ns, stays)
    last = _since_when(found, lag.most <= limit, found.lo_ns >= healed.hi_ns, stays)
    t_ns = float(found.t_ns[now])
    early = now if first is None else min(first, now)
    lo_ns = float(found.lo_ns[early - 1]) if early else healed.lo_ns
    hi_ns = math.inf if last is None else float(found.hi_ns[max(last, now)])
    return Moment(t_ns, min(max(lo_ns, healed.lo_ns), t_ns), max(hi_ns, t_ns))


def _since_when(found: Series, fine: Bools, after: Bools, stays: Stays) -> int | None:
    """Return the first sample after the heal that begins a whole fine round; None for none."""
    for i in range(int(np.argmax(after)) if after.any() else len(after), len(fine)):
        samples, within_ns = stays.of(float(found.t_ns[i]))
        last = i + samples - 1
        if last >= len(fine):
            continue
        lasting = found.t_ns[last] - found.t_ns[i] <= within_ns
        if lasting and fine[i : last + 1].all() and found.lib[last] > found.lib[i]:
            return i
    return None


def _final_times(data: TrialData, chain: ChainView) -> dict[str, list[tuple[Moment, int]]]:
    """Return, for each host, (when final, nominal time of the block's slot) of its final blocks."""
    found: dict[str, list[tuple[Moment, int]]] = defaultdict(list)
    for event in data.events("irreversible", IRREVERSIBLE):
        block = chain.blocks.get(event.id)
        if block is not None and event.t_ns == event.t_ns:
            moment = Moment(event.t_ns, event.lo_ns, event.hi_ns)
            found[event.host].append((moment, data.slot_time_ns(block.slot)))
    return found


def moment_columns(name: str, text: str) -> dict[str, str]:
    """Return the columns of a moment, with what they say."""
    return {
        f"{name}_ns": text,
        f"{name}_lo_ns": "earliest that can have been",
        f"{name}_hi_ns": "latest that can have been",
    }


_METHODS = (
    Method(
        name="Recovery",
        figures=("recovery_s.*", "recovery_s.*.watched_s", "recovery_s.*.undisturbed"),
        formula="From when the last host healed to the first slot at which a host's lag was "
        "normal, kept for a round in which finality moved, if a block made after the heal became "
        "final there. Lag: the highest head anywhere, minus the host's last irreversible block. Of "
        "heads told at one moment, as far as clocks tell, only its own counts. Normal: at most "
        f"{TOLERANCE_BLOCKS} block above the worst of the baseline once finality moved there. One "
        "sample a disturbed host; not back by the end: censored. watched_s: the shortest time from "
        "a heal to the end.",
        left_out="Hosts not disturbed: from the begin of the fault to a round after its end, or to "
        "the next begin, never behind, nor without a new final block for a round and a turn, nor "
        f"silent for {SILENT_SLOTS} slots. Hosts kept down by another fault. Faults without an "
        "end.",
        assumes="The heal is when the agents wrote it down, else planned. Samples come once a "
        "slot: back lies between the last that was not and the first that was.",
        counts=(
            ("metrics.recovery_s.*.undisturbed", "not disturbed"),
            ("metrics.recovery_s.*.censored", "censored"),
        ),
    ),
    Method(
        name="First final block after a fault",
        figures=("first_final_s.*",),
        formula="From when the last host healed to when the first block made after that became "
        "irreversible at a disturbed host.",
        left_out="As for recovery.",
        assumes="As for finality, of which block and heal are on one time line.",
        counts=(("metrics.first_final_s.*.censored", "censored"),),
    ),
)
METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={"recovery_s": dict[str, RecoveryQ], "first_final_s": dict[str, Q]},
    methods=_METHODS,
    place=6,
    table=Table(
        "recovery",
        "a host after a fault that ended",
        {
            "fault": "id of the fault",
            "host": "host that is looked at",
            "disturbed": "the fault disturbed it: behind, silent, or nothing final there",
            **moment_columns("healed", "when the last host healed"),
            **moment_columns("first_final", "when the first block made since was final there"),
            **moment_columns("back", "from when its lag was normal for a round"),
        },
        lambda found: (
            (r.fault, r.host, r.disturbed, *r.healed, *(r.first_final or NEVER),
             *(r.back or NEVER))
            for r in found
        ),
    ),
)  # fmt: skip
