"""The invariants over records in memory: for a simulator that judges thousands of schedules.

The same functions as for a run folder, on what the nodes wrote as (true time since T0, host,
record), each host's in its own order. A record is known by its tag: the kinds and fields are those
of the event schema, whichever class they come in. Header recomputation (I5), liveness (I7) and
early blocks (I8) are not here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from metrics import invariants, node_log
from metrics.facts import Facts
from metrics.invariants import Executed, Final, LibStep, Signed, Violation
from metrics.node_log import Step
from metrics.safety import NAMES

Row = tuple[int, str, Any]
KINDS = frozenset("started slot_due produced applied irreversible switched tx schedule".split())
"""Kinds that matter here; others may be left out."""


def judge(
    rows: Iterable[Row],
    *,
    liars: frozenset[str] = frozenset(),
    lying_producers: frozenset[str] = frozenset(),
    two_stage: bool = True,
) -> dict[str, list[Violation]]:
    """Return the breaches of I1, I2, I3, I4, I6, I9 and I10 by the name of the check.

    Records of liars are left out, and signatures of lying_producers. two_stage: blocks confirm
    ranges of blocks before them.
    """
    known = gather(row for row in rows if row[1] not in liars)
    signed = [item for item in known.signed if item.producer not in lying_producers]
    states: dict[str, set[str]] = defaultdict(set)
    for item in known.executed:
        states[item.id].add(item.state_digest)
    signatures = invariants.double_signatures(signed)
    if two_stage:
        signatures += invariants.overlapping_confirmations(signed)
    return {
        NAMES["I1"]: invariants.conflicting_finality(known.finals),
        NAMES["I2"]: invariants.lib_decreases(known.lib_steps)
        + invariants.final_block_changes(known.finals),
        NAMES["I3"]: invariants.different_states(known.executed),
        NAMES["I4"]: signatures,
        NAMES["I6"]: node_log.repeated_transactions(known.logs),
        NAMES["I9"]: node_log.schedule_breaks(known.logs),
        NAMES["I10"]: node_log.restart_breaks(known.logs, states)[0],
    }


def gather(rows: Iterable[Row]) -> Facts:
    """Return the records of a simulation as the invariants take them; `made` stays empty."""
    known = Facts(finals=[], lib_steps=[], executed=[], signed=[], made=[], logs={})
    seen: set[str] = set()
    for when_ns, host, record in rows:
        kind, t_ns = str(record.__struct_config__.tag), float(when_ns)
        step = _step(kind, t_ns, record)
        if step is not None:
            known.logs.setdefault(host, []).append(step)
        match kind:
            case "irreversible":
                known.finals.append(Final(host, record.num, record.id, t_ns))
                known.lib_steps.append(LibStep(host, record.num, t_ns))
            case "slot_due":
                known.lib_steps.append(LibStep(host, record.lib_num, t_ns))
            case "started" if record.role == "node":
                known.lib_steps.append(LibStep(host, record.resumed_lib, t_ns))
            case "applied":
                known.executed.append(
                    Executed(host, record.num, record.id, record.state_digest, t_ns)
                )
            case _:
                pass
        if kind in ("produced", "applied") and record.id not in seen:
            seen.add(record.id)
            confirmed = record.confirmed if kind == "produced" else None
            known.signed.append(
                Signed(record.producer, record.slot, record.num, record.id, confirmed, host, t_ns)
            )
    return known


def _step(kind: str, t_ns: float, record: Any) -> Step | None:
    match kind:
        case "started" if record.role == "node":
            return Step(kind, t_ns, num=record.resumed_num, lib=record.resumed_lib)
        case "applied":
            return Step(
                kind, t_ns, num=record.num, id=record.id, previous=record.previous,
                state_digest=record.state_digest,
            )  # fmt: skip
        case "irreversible" | "produced":
            return Step(kind, t_ns, num=record.num, id=record.id)
        case "switched":
            return Step(kind, t_ns, num=record.ancestor_num)
        case "tx" if record.state == "included":
            return Step("included", t_ns, num=record.num, id=record.id)
        case "schedule":
            return Step(
                kind, t_ns, num=record.num, version=record.version, state=record.state,
                producers=",".join(record.producers),
            )  # fmt: skip
        case _:
            return None
