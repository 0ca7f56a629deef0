"""What a plan refuses as unsafe or as unable to happen as asked, with the remedy. Pure.

A simulator has no hosts to lose: of these rules it keeps only those of the campaign itself.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faults.kinds.busy.memory import RESERVE_BYTES as MEMORY_RESERVE_BYTES
from faults.kinds.clock.clock_faults import GAP_NS
from faults.kinds.shaping.shaper import APART_NS
from faults.model.fault import SECOND_NS
from faults.model.kind import LAYERS_MAX
from harness.errors import PlanError
from harness.notation.units import text_of_ns
from harness.plan import phases
from metrics.model.plan import SIM, Phase, Plan, PlannedFault, PlannedHost, PlannedTrial, Quorum
from metrics.model.plan_checks import ALWAYS, EACH_FAULT
from metrics.model.sides import between

HOST_SPARE_BYTES = 50_000_000
"""Room that stays free on a host beyond twice the estimate of a trial."""
FINALITY = ("finality_latency_s", "finality_lag_blocks")
"""Figures of blocks that become final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a host has, and what of it is free now."""

    memory_bytes: int
    memory_free_bytes: int
    disk_free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the rules need of the campaign and the lab."""

    file: str
    lab: str
    hosts: Sequence[PlannedHost]
    max_unreachable: int
    allowed: Collection[str]
    warmup_ns: int
    end_ns: int
    room: Mapping[str, Room]
    """By host, as far as hosts were asked."""


def check(
    rules: Rules,
    faults: Sequence[PlannedFault],
    places: Mapping[str, int],
    standing: PlannedFault | None,
) -> None:
    """Refuse faults of a trial that may not be armed together.

    places: where each stands in the timeline, by id. standing: what is in force all through it.

    Raises:
        PlanError: one line with file, key and remedy.
    """
    if rules.end_ns <= 0:
        raise PlanError(f"{rules.file}: cooldown: a trial would last 0s; write at least 10s")
    for i, fault in enumerate(faults):
        where = f"{rules.file}: timeline[{places[fault.id]}]"
        if fault.at_ns < rules.warmup_ns:
            raise PlanError(
                f"{where}.at: {text_of_ns(fault.at_ns)} is inside the warm-up;"
                f" write {text_of_ns(rules.warmup_ns)} or later, or set warmup"
            )
        for other in faults[:i]:
            _refuse_overlap(where, rules, fault, other)
            if rules.lab != SIM:
                _refuse_severed_twice(where, fault, other)
        if rules.lab != SIM:
            _refuse_too_many_layers(where, fault, [*faults, *([standing] if standing else [])])
            _refuse_what_asks_leave(where, rules, fault)
            _refuse_management(where, rules, fault)
            _refuse_time_server(where, rules, fault)
            _refuse_reserve(where, rules, fault)
            _refuse_after_stop(where, rules, fault, faults)
    if rules.lab != SIM:
        _refuse_too_many_away(rules, faults)
        if standing is not None:
            _refuse_management(f"{rules.file}: {standing.id}", rules, standing)


def check_disks(file: str, plan: Plan, room: Mapping[str, Room]) -> None:
    """Refuse a plan of which one trial is more than a host has room for.

    Raises:
        PlanError: the first such host, with how much it has.
    """
    need = trial_bytes(plan)
    key = "load.rate" if any(cell.rate_milli for cell in plan.cells) else "timeline"
    for host, has in room.items():
        if has.disk_free_bytes < need:
            raise PlanError(
                f"{file}: {key}: a trial needs {need // 1_000_000} MB on {host}, which has"
                f" {has.disk_free_bytes // 1_000_000} MB free; make room there, or ask for less"
            )


def trial_bytes(plan: Plan) -> int:
    """Return how much room a host has to have for a trial: twice the estimate, and a reserve."""
    return 2 * plan.estimate.raw_bytes // len(plan.trials) // len(plan.hosts) + HOST_SPARE_BYTES


def without(plan: Plan, trial: PlannedTrial, away: Collection[str]) -> str:
    """Return why a trial makes no sense while some hosts are dead, "" where it does."""
    for fault in trial.faults:
        lost = [host for host in fault.acting if host in away]
        if lost:
            return f"{fault.id} acts on {lost[0]}, which is away"
    dead = PlannedFault(
        id="away", fault="kill", at_ns=0, for_ns=None, targets=sorted(away),
        asked={"restart_after_ns": None}, how="",
    ).ending(plan.end_ns)  # fmt: skip
    names = [host.host for host in plan.hosts]
    most, when = phases.unreachable_max([dead, *trial.faults], names, plan.end_ns)
    if most > plan.max_unreachable:
        return f"{when} would leave {most} hosts cut off or down, the limit is" + (
            f" {plan.max_unreachable}"
        )
    return ""


def check_expected(file: str, expect: Mapping[str, Any], trials: Sequence[PlannedTrial]) -> None:
    """Refuse an upper limit on finality in a phase that leaves no quorum: nothing could keep it.

    Raises:
        PlanError: the first such limit, with its key and remedy.
    """
    limits = {name: _upper_limit(body) for name, body in expect.items() if name != ALWAYS}
    for trial in trials:
        ids = {fault.id for fault in trial.faults}
        for phase in trial.phases:
            of_fault = not ids.isdisjoint(phase.name.split("+"))
            for name in (phase.name, EACH_FAULT) if of_fault else (phase.name,):
                short = _without_quorum(trial, phase) if limits.get(name) else None
                if short is not None:
                    raise PlanError(
                        f"{file}: expect.{name}.{limits[name]}: {phase.name} leaves {short.live}"
                        f" producers together, finality takes {short.needed}; lower the fault, or"
                        " remove the limit"
                    )


def _upper_limit(body: Mapping[str, Any]) -> str:
    """Return the key of the first upper limit on finality, "" where there is none."""
    for figure in FINALITY:
        for quantile, bounds in body.get(figure, {}).items():
            if isinstance(bounds, dict) and "max" in bounds:
                return f"{figure}.{quantile}.max"
    return ""


def _without_quorum(trial: PlannedTrial, phase: Phase) -> Quorum | None:
    """Return a stretch of a phase in which no quorum can act together, None where there is none."""
    within = (q for q in trial.quorum if q.from_ns < phase.end_ns and q.to_ns > phase.start_ns)
    return next((q for q in within if not q.finality_expected), None)


def _refuse_overlap(where: str, rules: Rules, fault: PlannedFault, other: PlannedFault) -> None:
    row, other_row = fault.kind, other.kind
    # What moves by itself is nothing to hold another delay against.
    traced = row.slows and other_row.slows and "steps" in fault.asked | other.asked
    if row.stacks and other_row.stacks and not traced:
        return
    alike = traced or row == other_row
    shared = set(fault.targets) & set(other.targets) or row.targets == "groups"
    gap_ns = 0
    if rules.lab != SIM and row.shares == other_row.shares:
        # They would undo each other.
        alike |= bool(row.shares)
        gap_ns = _gap_ns(fault, other) if row.shares == "clock" else 0
    end_ns = other.end_ns + gap_ns
    own_end_ns = fault.end_ns + gap_ns
    if alike and shared and fault.at_ns < end_ns and other.at_ns < own_end_ns:
        why = ", which need time between them" if gap_ns else ""
        why = ", and one delay follows a trace" if traced else why
        raise PlanError(
            f"{where}.at: {fault.id} overlaps {other.id} on the same hosts{why};"
            f" start it at {text_of_ns(end_ns)} or later"
        )


def _refuse_severed_twice(where: str, fault: PlannedFault, other: PlannedFault) -> None:
    """Refuse a second fault that severs a pair: of one of the two, nothing would show that it did.

    A delay, or what loses some packets, may lie below either.
    """
    if not all(each.kind.on_flows and each.kind.cuts(each.asked) for each in (fault, other)):
        return
    own = {frozenset(pair) for pair in between(fault)}
    both = [pair for pair in between(other) if frozenset(pair) in own]
    if both and fault.at_ns < other.end_ns and other.at_ns < fault.end_ns:
        raise PlanError(
            f"{where}.at: {fault.id} overlaps {other.id}, which severs {both[0][0]} and"
            f" {both[0][1]}, too; start it at {text_of_ns(other.end_ns)} or later"
        )


def _refuse_too_many_layers(
    where: str, fault: PlannedFault, faults: Sequence[PlannedFault]
) -> None:
    """Refuse one more layer on a host than its packets can be led through."""
    if not _is_layer(fault):
        return
    for host in fault.acting:
        below = [
            other
            for other in faults
            if other.id != fault.id and _is_layer(other) and host in other.acting
            and (other.at_ns, other.id) < (fault.at_ns, fault.id)
            and fault.at_ns < other.end_ns + APART_NS
        ]  # fmt: skip
        if len(below) >= LAYERS_MAX:
            first_ns = min(other.end_ns for other in below) + APART_NS
            raise PlanError(
                f"{where}.at: {fault.id} is one more than the {LAYERS_MAX} that packets of {host}"
                f" can be led through at one time; start it at {text_of_ns(first_ns)} or later"
            )


def _is_layer(fault: PlannedFault) -> bool:
    """Return whether hosts lead packets through it one by one, which rules of nft alone spare."""
    return fault.kind.stacks and fault.how != "nft"


def _refuse_what_asks_leave(where: str, rules: Rules, fault: PlannedFault) -> None:
    """Refuse what the campaign does not allow by name; also an observer's node, which has no key
    to do anything with.
    """
    if not fault.kind.asks_leave:
        return
    if fault.fault not in rules.allowed:
        raise PlanError(
            f"{where}.fault: {fault.fault} is done on hosts only where the campaign allows it;"
            f" write safety: {{allow: [{fault.fault}]}}, or run with --lab sim"
        )
    for host in rules.hosts:
        if host.host in fault.targets and not host.producers:
            raise PlanError(
                f"{where}.on: {host.host} is an observer, whose {fault.fault} node could sign"
                " nothing; name a host with a producer"
            )


def _gap_ns(fault: PlannedFault, other: PlannedFault) -> int:
    """Return how long one host's clock is left alone between two faults of it."""
    if {fault.asked["level"], other.asked["level"]} != {"process"}:
        return GAP_NS
    return 0 if fault.fault == other.fault else SECOND_NS


def _refuse_management(where: str, rules: Rules, fault: PlannedFault) -> None:
    if not fault.kind.on_flows:
        return
    for host in rules.hosts:
        if host.host in fault.acting and host.node_port == host.ssh_port:
            raise PlanError(
                f"{where}: {fault.fault} would touch the management of {host.host}: SSH uses port"
                f" {host.ssh_port}, the node's own; set slotlab_node_port to another"
            )


def _refuse_time_server(where: str, rules: Rules, fault: PlannedFault) -> None:
    """Refuse to bend the clock that other hosts set theirs by: nothing is left to judge by."""
    if fault.asked.get("level", "process") == "process":
        return
    for host in rules.hosts:
        if host.host not in fault.targets:
            continue
        served = [
            other.host
            for other in rules.hosts
            if other.host != host.host and {host.address, host.management} & set(other.ntp)
        ]
        if served:
            raise PlanError(
                f"{where}.on: {host.host} is the NTP server of {', '.join(served)}; name another"
                " host, or use level: process"
            )


def _refuse_reserve(where: str, rules: Rules, fault: PlannedFault) -> None:
    """Refuse to hold memory that a host needs to undo it, by what it has free now."""
    if fault.kind.shares != "memory":
        return
    key = "amount" if "amount_bytes" in fault.asked else "share"
    for host in fault.targets:
        room = rules.room.get(host)
        if room is None:
            continue
        held = fault.asked.get("amount_bytes") or int(fault.asked["share"] * room.memory_bytes)
        most = max(0, room.memory_free_bytes - MEMORY_RESERVE_BYTES)
        if held > most:
            raise PlanError(
                f"{where}.{key}: {held >> 20} MiB would leave {host} less than"
                f" {MEMORY_RESERVE_BYTES >> 20} MiB; ask for {most >> 20} MiB at most, or name"
                " another host"
            )


def _refuse_after_stop(
    where: str, rules: Rules, fault: PlannedFault, faults: Sequence[PlannedFault]
) -> None:
    """Refuse what a host would have to do after its schedule died, or stood still, with it."""
    if fault.kind.by == "provider":
        return
    for stop in faults:
        if stop is fault:
            continue
        lost = [host for host in fault.acting if host in stop.targets]
        if stop.kind.stops_host and lost and fault.end_ns > stop.at_ns:
            raise PlanError(
                f"{where}: {fault.id} acts on {lost[0]} after {stop.id} stops that host, whose"
                f" schedule ends there; put {stop.id} last, or name other hosts"
            )


def _refuse_too_many_away(rules: Rules, faults: Sequence[PlannedFault]) -> None:
    names = [host.host for host in rules.hosts]
    away, when = phases.unreachable_max(faults, names, rules.end_ns)
    if away > rules.max_unreachable:
        raise PlanError(
            f"{rules.file}: safety.max_unreachable: {when} leaves {away} hosts cut off or down, the"
            f" limit is {rules.max_unreachable}; lower the fault, or write max_unreachable: {away}"
        )
