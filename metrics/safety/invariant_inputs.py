"""The events of one trial as the records that the invariants are judged from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from metrics.intake.trial import SLOT_DUE, Event, TrialData
from metrics.measure.blocks import APPLIED, IRREVERSIBLE, RECEIVED
from metrics.model.plan import Plan, PlannedFault, PlannedTrial
from metrics.model.run_folder import load_json
from metrics.safety.invariants import Executed, Final, LibStep, Signed
from metrics.safety.liveness import RECONNECT_NS, Made, Stretch, slots_for, stall_limit
from metrics.safety.node_log import Logs, Step

MADE = "num id slot producer confirmed"
STARTED = "resumed_num resumed_lib role"
SCHEDULE = "version state num producers"
WIPED = "everything"
"""What a crash says it loses when it takes the disk."""
ON_TIME = ("", "fio")
"""Timing profiles that never sign before the slot's nominal time."""


@dataclass(frozen=True, slots=True)
class InvariantInputs:
    """Records of correct nodes only; `logs` holds each node's own story."""

    finals: list[Final]
    lib_steps: list[LibStep]
    executed: list[Executed]
    signed: list[Signed]
    made: list[Made]
    logs: Logs


def gather(data: TrialData, without: frozenset[str] = frozenset()) -> InvariantInputs:
    """Return the records of the trial's correct nodes, but for those hosts."""
    left_out = data.planned.liars | without
    life = _lives(data)

    def events(kind: str, columns: str) -> Iterator[Event]:
        return (e for e in data.events(kind, columns) if e.host not in left_out)

    return InvariantInputs(
        finals=[
            Final(e.host, e.fields[0], e.fields[1], e.t_ns)
            for e in events("irreversible", IRREVERSIBLE)
        ],
        lib_steps=_lib_steps(events, life),
        executed=[
            Executed(e.host, e.fields[0], e.fields[1], e.fields[5], e.t_ns)
            for e in events("applied", APPLIED)
        ],
        signed=_signed(data, events),
        made=[
            Made(e.fields[3], e.host, e.fields[0], e.fields[1],
                 float(data.slot_time_ns(e.fields[2])), e.hi_ns)
            for e in events("produced", MADE)
        ],
        logs=_logs(events, life),
    )  # fmt: skip


def stretches(
    plan: Plan,
    planned: PlannedTrial,
    observed_ns: int,
    started: Iterable[tuple[str, float]] = (),
) -> list[Stretch]:
    """Return the times when finality must go on, up to observed_ns: a quorum is live and linked.

    Whoever joins a quorum needs RECONNECT_NS for its links; who starts, or restarts, confirms
    nothing in its first turn, so that for two rounds after it finality may come two rounds later.
    started: hosts and when their nodes started. A host that boots for longer than RECONNECT_NS
    after the end of its fault joins when its node has started.
    """
    limit = stall_limit(
        producers=len(plan.producers),
        quorum=plan.quorum,
        blocks_per_turn=plan.blocks_per_turn,
        two_stage=plan.two_stage,
    )
    disturbing = [f for f in planned.faults if not f.kind.leaves_rest_whole]
    back_ns = _back(planned, list(started))
    restarts_ns = [0, *back_ns.values()]
    fresh_ns = RECONNECT_NS + 2 * plan.round_slots * plan.slot_ns
    found = []
    for window in planned.quorum:
        if not window.finality_expected:
            continue
        for clear_ns, end_ns in _without(disturbing, window.from_ns, window.to_ns, observed_ns):
            booting = [back for over, back in back_ns.items() if over <= clear_ns < back]
            start_ns = max([clear_ns, *booting])
            fresh = any(-RECONNECT_NS < start_ns - at < fresh_ns for at in restarts_ns)
            blocks = limit + (2 * plan.round_slots if fresh else 0)
            begin_ns = start_ns + (RECONNECT_NS if start_ns else 0)
            if begin_ns < end_ns:
                slots = slots_for(
                    blocks, producers=len(plan.producers), live=window.live,
                    blocks_per_turn=plan.blocks_per_turn,
                )  # fmt: skip
                found.append(
                    Stretch(from_ns=begin_ns, to_ns=end_ns, limit_blocks=blocks, limit_slots=slots)
                )
    return found


def _back(planned: PlannedTrial, started: list[tuple[str, float]]) -> dict[int, float]:
    """Return by the end of each restart when the last of its nodes was there again."""
    found: dict[int, float] = {}
    for fault in planned.faults:
        if fault.kind.victim == "dead":
            first = [
                min((t for host, t in started if host == target and t > fault.at_ns), default=0.0)
                for target in fault.targets
            ]
            last = max(first, default=0.0)
            back = last if last > fault.end_ns + RECONNECT_NS else float(fault.end_ns)
            found[fault.end_ns] = max(back, found.get(fault.end_ns, 0.0))
    return found


def tolerance_ns(data: TrialData) -> float:
    """Return how long before its slot a correct node may sign: its clock's limit and its timing."""
    plan = data.plan
    genesis = load_json(data.folder / "genesis.json")
    timing = genesis.get("timing", "") if isinstance(genesis, dict) else ""
    early_ns = 0 if timing in ON_TIME else plan.slot_ns
    return float(early_ns + plan.clock_limit_ns)


def _without(
    faults: list[PlannedFault], from_ns: int, to_ns: int, end_ns: int
) -> Iterator[tuple[int, int]]:
    """Yield the parts of a window in which no given fault is active, one without end to the end."""
    cursor, stop_ns = from_ns, min(to_ns, end_ns)
    for fault in sorted(faults, key=lambda f: f.at_ns):
        over_ns = fault.end_ns
        if over_ns <= cursor or fault.at_ns >= stop_ns:
            continue
        if fault.at_ns > cursor:
            yield cursor, fault.at_ns
        cursor = over_ns
    if cursor < stop_ns:
        yield cursor, stop_ns


def _lives(data: TrialData) -> Callable[[str, int], str]:
    """Return the name a host's records go by: whose disk a fault wiped comes back as a new node.

    Nothing can be held against a node for what was taken from its disk.
    """
    wiped = {
        host
        for fault in data.planned.faults
        if fault.asked.get("loses") == WIPED
        for host in fault.targets
    }
    rebirths: dict[str, list[int]] = {host: [] for host in wiped}
    for e in data.events("started", STARTED):
        if e.host in wiped and e.fields[2] == "node" and (e.fields[0] or 0) <= 1 and e.seq > 0:
            rebirths[e.host].append(e.seq)

    def name(host: str, seq: int) -> str:
        lives = sum(first <= seq for first in rebirths.get(host, ()))
        return host if not lives else f"{host} (wiped, life {lives + 1})"

    return name


def _lib_steps(events: Any, life: Callable[[str, int], str]) -> list[LibStep]:
    told = [(e, e.fields[0], True) for e in events("irreversible", IRREVERSIBLE)]
    told += [(e, e.fields[1], False) for e in events("started", STARTED) if e.fields[2] == "node"]
    told += [(e, e.fields[2], False) for e in events("slot_due", SLOT_DUE)]
    told.sort(key=lambda each: (each[0].host, each[0].seq))
    return [
        LibStep(life(e.host, e.seq), num, e.t_ns, announced)
        for e, num, announced in told
        if num is not None
    ]


def _signed(data: TrialData, events: Any) -> list[Signed]:
    """Return who signed what: from its maker, else from who executed or received it.

    A body that was only received proves a signature while nobody lies: only then does it count.
    """
    lying = {
        p for host in data.plan.hosts if host.host in data.planned.liars for p in host.producers
    }
    refused = {e.fields[0] for e in data.events("rejected", "id what") if e.fields[1] == "block"}
    found: dict[str, Signed] = {}
    for e in events("produced", MADE):
        num, id_, slot, producer, confirmed = e.fields
        found.setdefault(id_, Signed(producer, slot, num, id_, confirmed or 0, e.host, e.t_ns))
    for e in events("applied", APPLIED):
        num, id_, _, slot, producer, _ = e.fields
        found.setdefault(id_, Signed(producer, slot, num, id_, None, e.host, e.t_ns))
    if not lying:
        for e in events("received", RECEIVED):
            num, id_, slot, producer, _ = e.fields
            if id_ not in refused:
                found.setdefault(id_, Signed(producer, slot, num, id_, None, e.host, e.t_ns))
    return [item for item in found.values() if item.producer not in lying]


def _logs(events: Any, life: Callable[[str, int], str]) -> Logs:
    """Return each node's steps in the order it wrote them."""
    rows: list[tuple[str, int, Step]] = []

    def add(event: Event, kind: str, **more: Any) -> None:
        rows.append((event.host, event.seq, Step(kind=kind, t_ns=event.t_ns, **more)))

    for e in events("started", STARTED):
        if e.fields[2] == "node":
            add(e, "started", num=e.fields[0] or 0, lib=e.fields[1] or 0)
    for e in events("applied", APPLIED):
        num, id_, previous, _, _, digest = e.fields
        add(e, "applied", num=num, id=id_, previous=previous, state_digest=digest)
    for e in events("irreversible", IRREVERSIBLE):
        add(e, "irreversible", num=e.fields[0], id=e.fields[1])
    for e in events("produced", MADE):
        add(e, "produced", num=e.fields[0], id=e.fields[1])
    for e in events("switched", "ancestor_num"):
        add(e, "switched", num=e.fields[0] or 0)
    for e in events("tx", "id state num"):
        if e.fields[1] == "included" and e.node == e.host:
            add(e, "included", id=e.fields[0], num=e.fields[2] or 0)
    for e in events("schedule", SCHEDULE):
        version, state, num, producers = e.fields
        add(e, "schedule", version=version, state=state, num=num, producers=str(producers))
    rows.sort(key=lambda row: (row[0], row[1]))
    logs: Logs = {}
    for host, seq, step in rows:
        logs.setdefault(life(host, seq), []).append(step)
    return logs
