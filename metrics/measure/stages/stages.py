"""How long blocks took from stage to stage: at their makers, on the way, and at each other host.

What begins and ends at one host is taken on that host's own clock and has no error; what goes from
host to host is taken along the directly probed pair, with that pair's bound.
"""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from metrics.intake.trial import TrialData
from metrics.measure.blocks import (
    ORPHANED,
    UNRECORDED,
    YOUNG,
    Block,
    ChainView,
    LeftOut,
    sum_left_out,
)
from metrics.measure.metric import OF_BLOCK, OF_PHASE, Figures, Frame, Metric, Pool, Table
from metrics.measure.moments import latencies
from metrics.measure.stages.marks import Marks, Passed, passed
from metrics.model.arrays import Bools, Floats, Ints, Objects
from metrics.model.method import Method
from metrics.model.quantiles import Samples, summarise
from metrics.model.shapes import Counts, Q

AT_MAKER = ("produced", "durable", "sent")
RECEIVED, WHOLE = "received", "whole"
AFTER = ("validated", "applied", "precommitted", "irreversible")
STAGES = (*AT_MAKER, RECEIVED, *AFTER)
"""Each is named by what it ends with, and begins where the one before it ended."""
BETWEEN_HOSTS = (RECEIVED, WHOLE)
LEFT_OUT = (ORPHANED, YOUNG, UNRECORDED)
LATE_NS_MAX = 2**60
"""Nobody's clock is off by more; what a node says of itself may be anything."""


class Stage(NamedTuple):
    """A stage of several blocks: how long in ns, with its interval, nan where that is not known.

    due: it had begun; there: it had ended, too, by the end of the trial.
    """

    mid: Floats
    lo: Floats
    hi: Floats
    due: Bools
    there: Bools

    def samples(self, chosen: Bools | Ints) -> Samples:
        """Return the samples of some of them; what had begun and not ended is censored."""
        there = self.there[chosen]
        found = Samples(censored=int((self.due[chosen] & ~there).sum()))
        found.add_all(*(ends[chosen][there] for ends in (self.mid, self.lo, self.hi)))
        return found


@dataclass(frozen=True, slots=True)
class Passages:
    """Blocks of a trial with the stages at their makers, and their ways to each other host.

    block: which of the blocks a way is of, and with that of each of the stages in `ways`.
    """

    num: Ints
    id: Objects
    slot: Ints
    phase: Objects
    source: Objects
    made: dict[str, Stage]
    block: Ints
    target: Objects
    ways: dict[str, Stage]
    left_out: LeftOut

    def samples(self, name: str, phases: frozenset[str], pair: tuple[str, str] | None) -> Samples:
        """Return the samples of a stage in some phases: of all pairs of hosts, or of one."""
        inside = np.isin(self.phase, list(phases))
        if pair is not None:
            inside &= self.source == pair[0]
        if name in AT_MAKER:
            return self.made[name].samples(inside)
        chosen = inside[self.block]
        if pair is not None:
            chosen &= self.target == pair[1]
        return self.ways[name].samples(chosen)


def measure(data: TrialData, chain: ChainView) -> Passages:
    """Return the stages of every block of the chain that is old enough to be judged."""
    old = chain.measured(data)
    marks = passed(data, chain, old)
    known = np.asarray(marks.produced.there.any(axis=1), dtype=bool)
    maker = marks.produced.there.argmax(axis=1) if len(marks.hosts) else np.zeros(0, dtype=np.int64)
    phases = [data.phase_at(data.slot_time_ns(block.slot)) for block in old]
    ways = known[:, None] & (np.arange(len(marks.hosts)) != maker[:, None])
    block, target = np.nonzero(ways)
    hosts, place = np.asarray(marks.hosts, dtype=object), np.cumsum(known) - 1
    kept = [own for own, there in zip(zip(old, phases, strict=True), known, strict=True) if there]
    return Passages(
        num=np.asarray([own.num for own, _ in kept], dtype=np.int64),
        id=np.asarray([own.id for own, _ in kept], dtype=object),
        slot=np.asarray([own.slot for own, _ in kept], dtype=np.int64),
        phase=np.asarray([phase for _, phase in kept], dtype=object),
        source=hosts[maker[known]],
        made=_at_makers(marks, known.nonzero()[0], maker[known]),
        block=place[block],
        target=hosts[target],
        ways=_ways(data, marks, (block, maker[block]), (block, target)),
        left_out=_left_out(data, chain, old, known),
    )


def _left_out(data: TrialData, chain: ChainView, old: list[Block], known: Bools) -> LeftOut:
    judged = {block.id for block in old}
    unrecorded = {block.id for block, there in zip(old, known, strict=True) if not there}
    found: LeftOut = Counter()
    for block in chain.blocks.values():
        if block.id not in judged or block.id in unrecorded:
            why = ORPHANED if block.id not in chain.canonical else YOUNG
            why = UNRECORDED if block.id in unrecorded else why
            found[data.phase_at(data.slot_time_ns(block.slot)), why] += 1
    return found


def _at_makers(marks: Passed, block: Ints, maker: Ints) -> dict[str, Stage]:
    late_ns, fsync_ns = marks.late_ns[block], marks.fsync_ns[block]
    sent = marks.applied.since(marks.produced)[block, maker]
    over = marks.applied.there[block, maker]
    every = np.ones(len(block), dtype=bool)
    found = late_ns - fsync_ns, fsync_ns, sent
    ends = every, every, over
    return {
        name: Stage(ns, ns, ns, every, there)
        for name, ns, there in zip(AT_MAKER, found, ends, strict=True)
    }


At = tuple[Ints, Ints]
"""Rows and columns of marks."""


def _ways(data: TrialData, marks: Passed, made: At, here: At) -> dict[str, Stage]:
    """Return the stages between the hosts of marks at `made` and those of marks at `here`."""

    def own(end: Marks, start: Marks, due: Marks) -> Stage:
        ns = end.since(start)[here]
        return Stage(ns, ns, ns, due.there[here], end.there[here])

    known = marks.validated.there[here]
    validated = marks.validated.since(marks.received)[here]
    since = marks.validated.otherwise(marks.received)
    held = marks.precommitted.otherwise(marks.applied)
    two_stages = bool(marks.precommitted.there.any())
    agreed = own(marks.precommitted, marks.applied, marks.applied)
    skipped = marks.irreversible.there[here] & ~agreed.there
    agreed = agreed._replace(due=agreed.due & ~skipped & two_stages)
    late_ns = np.clip(np.nan_to_num(marks.late_ns[made[0]]), -LATE_NS_MAX, LATE_NS_MAX)
    begun_ns = marks.produced.mono_ns[made] - late_ns.astype(np.int64)
    every = np.ones(len(made[0]), dtype=bool)
    return {
        RECEIVED: _between(
            data, (marks.applied, marks.applied.mono_ns[made]), made, marks.received, here, every
        ),
        "validated": Stage(validated, validated, validated, known, known),
        "applied": own(marks.applied, since, marks.received),
        "precommitted": agreed,
        "irreversible": own(marks.irreversible, held, marks.applied),
        WHOLE: _between(data, (marks.produced, begun_ns), made, marks.irreversible, here, every),
    }  # fmt: skip


def _between(
    data: TrialData, begin: tuple[Marks, Ints], made: At, end: Marks, here: At, due: Bools
) -> Stage:
    """Return a stage from stamps at makers, of the epochs of their marks, to marks elsewhere."""
    marks, start_ns = begin
    there = end.there[here]
    times = np.full((3, len(there)), np.nan)
    both = there & marks.there[made]
    times[:, both] = latencies(
        data, marks.epoch[made][both], start_ns[both], end.epoch[here][both],
        end.mono_ns[here][both],
    )  # fmt: skip
    mid, lo, hi = times
    return Stage(mid, lo, hi, due, there)


def pool(over: Pool[Passages]) -> Figures:
    """Return `stages_ms` of M, quantiles by stage, and the blocks left out."""
    left_out = [found.left_out for _, found in over.trials]
    return {
        "stages_ms": {name: of_stage(over, name) for name in (*STAGES, WHOLE)},
        "stages_left_out": sum_left_out(left_out, over.phases, LEFT_OUT),
    }


def of_stage(over: Pool[Passages], name: str, pair: tuple[str, str] | None = None) -> Figures:
    """Return the quantiles of a stage, of all pairs of hosts or of one."""
    parts = [found.samples(name, over.phases, pair) for _, found in over.trials]
    return summarise(parts, scale=1e6, digits=6)


def _rows(found: Passages) -> Frame:
    """Return a row for each block and each host that is not its maker's."""
    of_block = {key: getattr(found, key) for key in ("num", "id", "slot", "phase", "source")}
    frame: Frame = {key: own[found.block] for key, own in of_block.items()}
    frame["target"] = found.target
    for name in (*STAGES, WHOLE):
        stage = found.made[name] if name in AT_MAKER else found.ways[name]
        rows = found.block if name in AT_MAKER else slice(None)
        frame[f"{name}_ns"] = stage.mid[rows]
        if name in BETWEEN_HOSTS:
            frame |= {f"{name}_lo_ns": stage.lo[rows], f"{name}_hi_ns": stage.hi[rows]}
    return frame


_COLUMNS = {
    "produced_ns": "from the begin of its slot, by the maker's clock, until it was signed",
    "durable_ns": "until it was on the maker's disk",
    "sent_ns": "until it was handed to all links, as the maker's next line tells",
    "received_ns": "until it had come to the other host; unknown where no probe relates them",
    "received_lo_ns": "least that may have been",
    "received_hi_ns": "most that may have been",
    "validated_ns": "until its checks had passed there, where nodes tell of that",
    "applied_ns": "until it was executed there",
    "precommitted_ns": "until that host's branch had pre-committed it, where there are two stages",
    "irreversible_ns": "until it was irreversible there",
    "whole_ns": "from the begin of its slot until then",
    "whole_lo_ns": "least that may have been",
    "whole_hi_ns": "most that may have been",
}
_METHOD = Method(
    name="Stages of a block",
    figures=("stages_ms.*", "stages_left_out.*"),
    formula="Each stage is named by what it ends with, and begins where the one before it ended. "
    "Once a block: slot begun, by the maker's own wall clock → produced (signed) → durable → sent: "
    "handed to all links, by the maker's next line. Once a block and other host: → received, along "
    "the directly probed pair → validated → applied → precommitted → irreversible. whole: from the "
    "begin of the slot until irreversible at that host. Within a host there is no clock error. "
    "What had begun and not ended is censored. The quantiles of stages do not add up to those of "
    "the whole, which has its own.",
    left_out="Orphaned blocks; those whose slot lies in the last round and largest predicted lag "
    "before the end; those whose making is not on record. Stages with a reboot within them, or "
    "between clocks that no probe relates, are unknown. Where nodes do not tell when checks had "
    "passed (simulated ones), applied begins at received; where finality has one stage, or the "
    "node came upon both at once, irreversible begins at applied.",
    assumes="A node writes its lines in order, and each when it says so. A block may come to a "
    "host before it was handed to the last link: received is below zero then. What the maker's "
    "clock is off by NTP is in the first stage and in the whole.",
    counts=(
        ("metrics.stages_left_out.orphaned", "orphaned"),
        ("metrics.stages_left_out.young", "too near the end"),
        ("metrics.stages_left_out.unrecorded", "without a record"),
        ("metrics.stages_ms.whole.censored", "ways censored"),
        ("metrics.stages_ms.whole.unknown", "ways unknown"),
    ),
)
METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={"stages_ms": dict[str, Q], "stages_left_out": Counts},
    methods=(_METHOD,),
    place=5,
    table=Table(
        "stages",
        "a block on its way through all stages, from its maker to one other host",
        {
            **OF_BLOCK,
            "slot": "slot of the block",
            **OF_PHASE,
            "source": "host of its maker",
            "target": "host it went to",
            **_COLUMNS,
        },
        _rows,
    ),
)
