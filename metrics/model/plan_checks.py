"""What the types of plan.json leave open: what was asked of faults, names that must fit together.

Limits to figures are judged by `results.expectations`, which knows the metrics.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec

from metrics.model.plan import BASELINE, WARMUP, Count, Plan, PlannedCell, PlannedTrial
from metrics.model.standing import ZONES

Whole = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
Ratio = Annotated[float, msgspec.Meta(ge=0, le=1)]
ALWAYS, EACH_FAULT = "always", "each_fault"
RECOVERS = "recovers_within"
"""What may be expected of each fault beside figures of its phases."""
RESERVED = (WARMUP, BASELINE, "recovery", "after", "between", "outside", ALWAYS, EACH_FAULT, ZONES)
"""Words that phases, expectations and zones have already: no fault may be called so."""


class _Asked(msgspec.Struct, frozen=True):
    """Every key of every fault's `asked` that figures or words are made of."""

    delay_ns: Count | None = None
    back_ns: Count | None = None
    steps: Annotated[list[tuple[Count, Count]], msgspec.Meta(min_length=1)] | None = None
    jitter_ns: Count | None = None
    by_ns: Whole | None = None
    by_ppb: Whole | None = None
    share: Ratio | None = None
    level: Literal["process", "daemon", "host"] | None = None
    restart_after_ns: Count | None = None
    amount_bytes: Count | None = None
    size_bytes: Count | None = None
    leave_bytes: Count | None = None
    every_ns: Count | None = None
    down_ns: Count | None = None
    keep_slots: Count | None = None
    loses: str | None = None
    strategy: str | None = None
    accounts: list[str] | None = None
    signal: str | None = None
    how: str | None = None


def problem(plan: Plan) -> str:
    """Return what in the plan cannot be, with its key; "" when it all fits together."""
    return next(_problems(plan), "")


def _problems(plan: Plan) -> Iterator[str]:
    yield from _twice("hosts", [host.host for host in plan.hosts])
    signing = [name for host in plan.hosts for name in plan.producers_of(host)]
    yield from _twice("hosts: producers", signing)
    yield from _twice("producers", plan.producers)
    yield from _twice("cells", [str(cell.n) for cell in plan.cells])
    yield from _twice("trials", [str(trial.n) for trial in plan.trials])
    cells = {cell.n for cell in plan.cells}
    hosts = {host.host for host in plan.hosts}
    for cell in plan.cells:
        yield from _zones(cell, hosts)
    for trial in plan.trials:
        if trial.cell not in cells:
            yield f"trial {trial.n}: cell {trial.cell} is not in the plan"
        yield from _trial(trial, hosts)


def _twice(where: str, names: list[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{where}: {name[:60]} is there twice"
        seen.add(name)


def _zones(cell: PlannedCell, hosts: set[str]) -> Iterator[str]:
    zones = cell.zones
    if zones is None:
        return
    where = f"cell {cell.n}: zones"
    if set(zones.hosts) != hosts:
        yield f"{where}: its hosts are not those of the plan"
    for zone in zones.hosts.values():
        if zone not in zones.rtt_ns:
            yield f"{where}: {zone[:60]} has no round trips"
    for what, table in (("round trips", zones.rtt_ns), ("losses", zones.loss_ppm)):
        for one, row in table.items():
            for other, value in row.items():
                if other in table and table[other].get(one) != value:
                    yield f"{where}: {one[:60]} and {other[:60]} have two {what}"


def _trial(trial: PlannedTrial, hosts: set[str]) -> Iterator[str]:
    where = f"trial {trial.n}"
    faults = [*trial.faults, *trial.absent]
    yield from _twice(f"{where}: faults", [fault.id for fault in faults])
    for fault in faults:
        own = f"{where}: {fault.id[:60]}"
        if fault.id in RESERVED:
            yield f"{own}: no fault may be called so"
        for name in (*fault.targets, *fault.acting):
            if name not in hosts:
                yield f"{own}: {name[:60]} is no host of the plan"
        wrong = unlike(fault.asked, _Asked)
        if wrong:
            yield f"{own}: asked: {wrong}"
        for key in fault.kind.asked:
            if fault.asked.get(key) is None:
                yield f"{own}: asked: no {key}"


def unlike(value: object, kind: Any) -> str:
    """Return why a value is not of that type, "" when it is."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return str(error)
    return ""
