"""How long each host needs once a fault is healed: to the first new final block, to normal lag.

Lag here is the network's head minus the host's last irreversible block, sampled at every slot; a
host is back when it is no more than one block above the worst lag of the baseline, for a round.
A host that is not back by the end of the trial is censored. The resolution is one slot.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from metrics.intake.trial import TrialData
from metrics.measure.blocks import IRREVERSIBLE, ChainView
from metrics.model.quantiles import Floats, Samples
from metrics.model.run_folder import PlannedFault

SLOT_DUE = "slot head_num lib_num"
TOLERANCE_BLOCKS = 1


@dataclass(frozen=True, slots=True)
class Series:
    """One host's head and last irreversible block over time, one sample a slot."""

    t_ns: Floats
    head: Floats
    lib: Floats


@dataclass(frozen=True, slots=True)
class Recovery:
    """One host after one fault; None where it did not happen by the end of the trial."""

    fault: str
    host: str
    healed_ns: int
    first_final_ns: float | None
    back_ns: float | None


def series(data: TrialData) -> dict[str, Series]:
    """Return each host's samples in order of time."""
    found: dict[str, list[tuple[float, int, int]]] = defaultdict(list)
    for event in data.events("slot_due", SLOT_DUE):
        if event.t_ns == event.t_ns:
            found[event.host].append((event.t_ns, event.fields[1] or 0, event.fields[2] or 0))
    result = {}
    for host in sorted(found):
        table = np.asarray(sorted(found[host]), dtype=np.float64)
        result[host] = Series(table[:, 0], table[:, 1], table[:, 2])
    return result


def measure(data: TrialData, chain: ChainView) -> list[Recovery]:
    """Return the recovery of every host after every fault that ended within the trial.

    A target that nobody is to bring back has nothing to recover.
    """
    hosts = series(data)
    lags = {host: _network_lag(hosts, host) for host in hosts}
    limit = _baseline_limit(data, hosts, lags)
    finals = _final_times(data, chain)
    result = []
    for fault in data.planned.faults:
        healed_ns = healed_at(data, fault)
        if healed_ns >= data.end_ns:
            continue
        gone = set(fault.targets) if fault.end_ns == fault.at_ns else set()
        for host, samples in hosts.items():
            if host in gone:
                continue
            back = _back(samples.t_ns, lags[host], limit, healed_ns, data.plan.round_slots)
            fresh = [t for t, slot_ns in finals[host] if t >= healed_ns and slot_ns >= healed_ns]
            first = min(fresh, default=None)
            result.append(Recovery(fault.id, host, healed_ns, first, back))
    return result


def samples(found: list[Recovery], fault: str) -> tuple[Samples, Samples]:
    """Return (back to normal, first new final block) in ns after the heal, one sample a host."""
    back, first = Samples(), Samples()
    for item in found:
        if item.fault != fault:
            continue
        for value, into in ((item.back_ns, back), (item.first_final_ns, first)):
            if value is None:
                into.censored += 1
            else:
                into.add_exact(value - item.healed_ns)
    return back, first


def healed_at(data: TrialData, fault: PlannedFault) -> int:
    """Return when the last host reported the fault healed, else when the plan ends it."""
    reported = [
        record.t_ns
        for record in data.agents
        if record.fault_id == fault.id and record.state == "healed" and record.t_ns is not None
    ]
    return max(reported, default=fault.end_ns)


def _network_lag(hosts: dict[str, Series], host: str) -> Floats:
    """Return, at each sample of host, the highest head seen anywhere so far minus its own LIB."""
    t = np.concatenate([s.t_ns for s in hosts.values()])
    head = np.concatenate([s.head for s in hosts.values()])
    order = np.argsort(t, kind="stable")
    top = np.maximum.accumulate(head[order])
    at = np.searchsorted(t[order], hosts[host].t_ns, side="right") - 1
    lag: Floats = top[at] - hosts[host].lib
    return lag


def _baseline_limit(data: TrialData, hosts: dict[str, Series], lags: dict[str, Floats]) -> float:
    """Return the worst lag of the baseline (else the predicted one) plus the tolerance."""
    worst: list[float] = []
    for phase in data.planned.phases:
        if phase.name == "baseline":
            for host, found in hosts.items():
                inside = (found.t_ns >= phase.start_ns) & (found.t_ns < phase.end_ns)
                worst += lags[host][inside].tolist()
    predicted = data.plan.prediction.finality_lag_blocks
    fallback = float(predicted.max if predicted else 2 * data.plan.round_slots)
    return max(worst, default=fallback) + TOLERANCE_BLOCKS


def _back(t_ns: Floats, lag: Floats, limit: float, healed_ns: int, stay_slots: int) -> float | None:
    """Return the first sample after the heal from which lag stays within limit for stay_slots."""
    start = int(np.searchsorted(t_ns, healed_ns))
    fine = lag <= limit
    for i in range(start, len(t_ns)):
        if fine[i : i + stay_slots].all():
            return float(t_ns[i])
    return None


def _final_times(data: TrialData, chain: ChainView) -> dict[str, list[tuple[float, int]]]:
    """Return, for each host, (when final, nominal time of the block's slot) of its final blocks."""
    found: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for event in data.events("irreversible", IRREVERSIBLE):
        block = chain.blocks.get(event.fields[1])
        if block is not None and event.t_ns == event.t_ns:
            found[event.host].append((event.t_ns, data.slot_time_ns(block.slot)))
    return found
