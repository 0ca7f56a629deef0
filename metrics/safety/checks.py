"""The invariants every run must hold, judged from the events alone: holds, violated or unknown.

A violation needs one witness. That nothing was violated can only be said of a complete record: with
lost events, or a host without any, the answer is unknown. Only correct nodes are judged: hosts that
the plan makes lie are left out, with the keys they hold.

The rules themselves are in `invariants`, `node_log` and `liveness`; here records become their
input and their findings become checks.
"""

from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from metrics.intake.timeline import UNRELATED, believes_a_lie
from metrics.intake.trial import TrialData
from metrics.measure import slots
from metrics.measure.blocks import ID_DIGITS, ChainView, held
from metrics.measure.delegation.facts import amounts
from metrics.model import number_text
from metrics.model.method import Method
from metrics.model.run_folder import (
    BROKEN,
    GENESIS,
    HEADERS,
    HOLDS,
    UNKNOWN,
    VIOLATED,
    WITNESSES_MAX,
    HeadersFile,
    Violation,
    load_json,
)
from metrics.safety import invariant_inputs, invariants, liveness, node_log, promises, supply
from metrics.safety.invariants import LIB, NAMES, Line, Logs, of_kind
from metrics.safety.plain_hosts import Many

UNITS = {"units"}
"""What a snapshot tells of our own processes: a killed one may stay down, nothing to restore."""


@dataclass(frozen=True, slots=True)
class Check:
    """A claim, its verdict, the evidence in one line, and for a breach the witnesses."""

    name: str
    verdict: str
    evidence: str
    details: tuple[Violation, ...] = ()


def judge(data: TrialData, chain: ChainView) -> list[Check]:
    """Return the invariants for one trial, and whether the hosts, if there are any, were left as
    found.

    A damaged record accuses nobody: a breach must show in the records of the other hosts alone.
    """
    found = _invariants(data, chain, frozenset())
    damaged = data.intake.damaged
    if damaged:
        sound = _invariants(data, chain, damaged)
        found = [_spared(data, every, some) for every, some in zip(found, sound, strict=True)]
    return found if data.plan.simulated else [*found, _healed_state(data)]


def _invariants(data: TrialData, chain: ChainView, without: frozenset[str]) -> list[Check]:
    """Return the invariants as the records of all hosts but those have them."""
    logs, many = invariant_inputs.logs(data, without)
    finals = of_kind(logs, "irreversible")
    return [
        _conflicting(data, many, finals),
        _lib_decreases(data, many, logs, finals),
        _state_digest(data, many, logs),
        _double_sign(data, logs),
        _headers(data, without),
        _transactions(data, many, logs),
        _liveness(data, chain, many),
        _early(data, logs),
        _schedule(data, logs),
        _restarts(data, logs),
        _promises(data, many, logs, without),
        _supply(data, without),
    ]


def _spared(data: TrialData, every: Check, sound: Check) -> Check:
    """Return the check of every host's record, a breach only where the sound ones have it."""
    if every.verdict != VIOLATED:
        return every
    if sound.verdict == VIOLATED:
        return sound
    hosts = ", ".join(sorted(data.intake.damaged))
    text = f"without the damaged record of {hosts} nothing is violated; {_gap(data)}"
    return Check(every.name, UNKNOWN, text)


def _verdict(data: TrialData, name: str, problems: list[Violation], fine: str) -> Check:
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return Check(name, VIOLATED, problems[0].text + more, tuple(problems[:WITNESSES_MAX]))
    gap = _gap(data)
    if gap:
        return Check(name, UNKNOWN, gap)
    liars = data.planned.liars
    left_out = f"; left out as not correct: {', '.join(sorted(liars))}" if liars else ""
    return Check(name, HOLDS, fine + left_out)


def _gap(data: TrialData) -> str:
    """Return what is missing of the record, "" when it is complete."""
    missing = sorted({host.host for host in data.plan.hosts} - set(data.intake.hosts))
    if missing:
        return f"no events from {', '.join(missing)}"
    lost = sum(loss.count for loss in data.intake.losses)
    if lost:
        return f"{lost} events lost"
    return data.intake.findings[0] if data.intake.findings else ""


def breaks(problem: str) -> bool:
    """Return whether a problem of the time line leaves figures that must not be used."""
    return "contradict" in problem or problem.startswith(UNRELATED)


def _conflicting(data: TrialData, many: Many, finals: list[Line]) -> Check:
    heights = np.unique(many.irreversible["num"])
    if not len(heights):
        return Check(NAMES["I1"], UNKNOWN, "no block became final")
    hosts = np.unique(many.irreversible.host)
    fine = f"{len(heights)} final blocks (up to {heights[-1]}) have one id at {len(hosts)} hosts"
    return _verdict(data, NAMES["I1"], invariants.conflicting_finality(finals), fine)


def _lib_decreases(data: TrialData, many: Many, logs: Logs, finals: list[Line]) -> Check:
    problems = invariants.lib_decreases(logs) + invariants.final_block_changes(finals)
    nodes = sum(any(line.kind in LIB for line in lines) for lines in logs.values())
    steps = len(many.irreversible.rows) + len(many.slot_due.rows) + len(of_kind(logs, "started"))
    fine = f"{steps} steps on {nodes} nodes, restarts included"
    return _verdict(data, NAMES["I2"], problems, fine)


def _state_digest(data: TrialData, many: Many, logs: Logs) -> Check:
    fine = f"{many.applied.shared} blocks executed on several hosts gave one state each"
    problems = invariants.different_states(of_kind(logs, "applied"))
    problems += node_log.different_facts(logs)
    return _verdict(data, NAMES["I3"], problems, fine)


def _double_sign(data: TrialData, logs: Logs) -> Check:
    signed = invariant_inputs.signed(data, logs)
    problems = invariants.double_signatures(signed)
    slots = len({(line.producer, line.slot) for line in signed})
    fine = f"{slots} signed slots, one block each"
    if data.plan.two_stage:
        problems += invariants.overlapping_confirmations(signed)
        ranges = sum(line.kind == "produced" for line in signed)
        fine += f"; {ranges} confirmed ranges, disjoint on every branch"
    return _verdict(data, NAMES["I4"], problems, fine)


def _headers(data: TrialData, without: frozenset[str]) -> Check:
    """Return what the recomputation of headers found; it is done before, by who knows the rules.

    A breach that only those hosts show is not told.
    """
    name = NAMES["I5"]
    try:
        found = msgspec.convert(load_json(data.folder / HEADERS), HeadersFile)
    except msgspec.ValidationError:
        return Check(name, UNKNOWN, f"headers were not recomputed (no {HEADERS})")
    if found.verdict == HOLDS:
        return _verdict(data, name, [], found.evidence)
    if found.verdict == VIOLATED and without:
        clean = [witness for witness in found.details if not without.issuperset(witness.hosts)]
        return _verdict(data, name, clean, "")
    return Check(name, found.verdict, found.evidence, found.details)


def _transactions(data: TrialData, many: Many, logs: Logs) -> Check:
    name, blocks = NAMES["I6"], held(data)
    problems = node_log.repeated_transactions(logs, blocks)
    executed = {*many.applied.ids}
    untold = sorted(executed - blocks.keys())
    if untold and not problems:
        return Check(name, UNKNOWN, _untold(untold))
    fine = (
        f"{sum(len(blocks[id_]) for id_ in executed & blocks.keys())} transactions, at"
        f" {len(logs)} nodes once on every branch; expiry and TaPoS do not show in events, a breach"
        " would show as a refused block or another state"
    )
    return _verdict(data, name, problems, fine)


def _untold(blocks: list[str]) -> str:
    return f"nobody told what {len(blocks)} blocks hold, first {blocks[0][:16]}"


def _liveness(data: TrialData, chain: ChainView, many: Many) -> Check:
    name = NAMES["I7"]
    started = [(e.host, e.t_ns) for e in data.events("started", invariant_inputs.STARTED)
               if e.role == "node"]  # fmt: skip
    empty_ns = tuple(float(data.slot_time_ns(slot)) for slot in slots.nobodys(data, chain))
    intervals = replace(chain.intervals, empty_ns=empty_ns)
    stretches = invariant_inputs.stretches(data.plan, data.planned, data.end_ns, intervals, started)
    if not stretches:
        return Check(name, UNKNOWN, "the plan names no undisturbed time with a quorum")
    blocks_ns = sorted(float(data.slot_time_ns(chain.blocks[id_].slot)) for id_ in chain.canonical
                       if id_ in chain.blocks)  # fmt: skip
    finals = many.irreversible
    advances = zip(finals["t_ns"].tolist(), finals["num"].tolist(), strict=True)
    found = liveness.progress(stretches, blocks_ns, advances, intervals)
    gap = _gap(data)
    if gap and found.violations:
        # That nothing became final is seen by what is not there: only a whole record shows it.
        return Check(name, UNKNOWN, f"{found.violations[0].text}; but {gap}")
    if found.worst is None:
        return Check(name, UNKNOWN, "no stretch with a quorum was long enough to tell")
    fine = f"in {number_text.many(found.judged, 'stretches')} with a quorum; closest to its limit: "
    return _verdict(data, name, found.violations, fine + found.worst.text)


def _early(data: TrialData, logs: Logs) -> Check:
    name = NAMES["I8"]
    tolerance_ns = data.plan.early_ns
    # A node whose time servers lie to it is early in good faith: that is the fault, not a breach.
    known_times = [
        line
        for line in of_kind(logs, "produced")
        if line.hi_ns != float("inf")
        and not believes_a_lie(data.planned.faults, line.host, data.slot_time_ns(line.slot))
    ]
    if not known_times:
        return Check(name, UNKNOWN, "no block's signing can be placed in true time")
    problems = liveness.early_blocks(known_times, data.slot_time_ns, tolerance_ns)
    untrue = [problem for problem in data.timeline.problems if breaks(problem)]
    if problems and untrue:
        return Check(name, UNKNOWN, f"{problems[0].text}; but {untrue[0]}")
    fine = f"{len(known_times)} blocks signed no more than {tolerance_ns / 1e6:g} ms before"
    return _verdict(data, name, problems, fine + " their slots (clock limit and timing)")


def _schedule(data: TrialData, logs: Logs) -> Check:
    steps = of_kind(logs, "schedule")
    changes = {(line.version, line.num) for line in steps if line.state == "active"}
    fine = number_text.many(len(changes), "schedule changes")
    fine += ", one version a step, the same at every host"
    fine = fine if changes else "the schedule never changed"
    return _verdict(data, NAMES["I9"], node_log.schedule_breaks(logs), fine)


def _restarts(data: TrialData, logs: Logs) -> Check:
    problems, judged = node_log.restart_breaks(logs)
    fine = number_text.many(judged, "restarts")
    fine += " resumed at the head and the final block they had"
    return _verdict(data, NAMES["I10"], problems, fine if judged else "no node restarted")


def _promises(data: TrialData, many: Many, logs: Logs, without: frozenset[str]) -> Check:
    """Return whether what clients were told is irreversible is so at every node."""
    name = NAMES["I11"]
    told, assured = invariant_inputs.promises(data, without)
    if not told and not assured:
        return Check(name, UNKNOWN, "no client was told that anything is irreversible")
    chains = {
        node: many.irreversible.chain_of(node)
        if node in many.plain
        else {line.num: line.id for line in lines if line.kind == "irreversible"}
        for node, lines in logs.items()
    }
    found = promises.kept(chains, told, assured, held(data), ID_DIGITS)
    if found.untold and not found.violations:
        return Check(name, UNKNOWN, _untold(found.untold))
    fine = (
        f"{len(told)} transactions and {len(assured)} blocks that clients were told are"
        f" irreversible are so at {found.nodes} nodes, as far as each node's chain goes"
    )
    return _verdict(data, name, found.violations, fine)


def _supply(data: TrialData, without: frozenset[str]) -> Check:
    """Return whether the sums that nodes tell as they end are those of the genesis."""
    name = NAMES["I12"]
    told, silent = invariant_inputs.supplies(data, without)
    try:
        first = supply.genesis_units((data.folder / GENESIS).read_bytes())
    except (OSError, *BROKEN) as error:
        return Check(name, UNKNOWN, f"{GENESIS} does not say what there was: {error}")
    problems = supply.unbalanced([(line, amounts(line.held)) for line in told], first)
    if not problems and (silent or not told):
        return Check(name, UNKNOWN, _unsaid(silent))
    made = max((line.issued for line in told), default=0)
    fine = f"{first} units and at most {made} issued, as {len({x.host for x in told})} hosts told"
    return _verdict(data, name, problems, f"{fine} as their nodes ended")


def _unsaid(silent: list[str]) -> str:
    if not silent:
        return "no node told what there is"
    return f"{', '.join(silent)} ended without telling what there is"


def _healed_state(data: TrialData) -> Check:
    """Return whether each host's network and clock state after the trial equals that before.

    A host of which one of the two is not known cannot be shown to be clean.
    """
    name = "host_state_restored"
    changed: list[str] = []
    unknown: list[str] = []
    parts: set[str] = set()
    for host in (planned.host for planned in data.plan.hosts):
        folder = data.folder / "hosts" / host
        states = {word: load_json(folder / f"{word}.json") for word in ("before", "after")}
        missing = [word for word, state in states.items() if not isinstance(state, dict)]
        if missing:
            unknown.append(f"{host}: its state {' and '.join(missing)} the trial is not known")
            continue
        before, after = states.values()
        parts |= before.keys() - UNITS
        changed += [
            f"{host}: {key} differs after healing"
            for key in sorted((before.keys() | after.keys()) - UNITS)
            if before.get(key) != after.get(key)
        ]
    if changed or unknown:
        return Check(name, VIOLATED if changed else UNKNOWN, "; ".join(changed + unknown))
    fine = f"{', '.join(sorted(parts))}: equal on {len(data.plan.hosts)} hosts"
    return Check(name, HOLDS, fine)


def witness(found: Violation) -> dict[str, Any]:
    """Return a breach as summary.json holds it; unknown times are null."""
    return {
        "text": found.text,
        "heights": list(found.nums),
        "ids": list(found.ids),
        "hosts": list(found.hosts),
        "t_s": [None if t != t or abs(t) == float("inf") else round(t / 1e9, 6)
                for t in found.t_ns],
    }  # fmt: skip


METHOD = Method(
    name="Verdict of an invariant",
    figures=("checks",),
    formula="Violated: one witness in the record contradicts it. Holds: none does, and the "
    "record is whole. Unknown: none does, but events are lost or a host told nothing.",
    left_out="Nodes that the plan makes lie, and the keys they hold.",
    assumes="Correct nodes write what they do; the record holds no signatures.",
)
