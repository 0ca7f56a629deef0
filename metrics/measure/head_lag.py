"""How far each host's last irreversible block is behind the highest head, sample by sample."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from metrics.intake.trial import SLOT_DUE, TrialData
from metrics.model.quantiles import Floats


@dataclass(frozen=True, slots=True)
class Series:
    """One host's head and last irreversible block over time, one sample a slot."""

    t_ns: Floats
    lo_ns: Floats
    hi_ns: Floats
    head: Floats
    lib: Floats


@dataclass(frozen=True, slots=True)
class Lag:
    """A host's lag in blocks at each of its samples: the least and the most that it may be."""

    least: Floats
    most: Floats


def series(data: TrialData) -> dict[str, Series]:
    """Return each host's samples in order of time."""
    found: dict[str, list[tuple[float, float, float, int, int]]] = defaultdict(list)
    for event in data.events("slot_due", SLOT_DUE):
        if event.t_ns == event.t_ns:
            times = event.t_ns, event.lo_ns, event.hi_ns
            found[event.host].append((*times, event.head_num, event.lib_num))
    return {
        host: Series(*np.asarray(sorted(rows), dtype=np.float64).T)
        for host, rows in sorted(found.items())
    }


def network_lag(hosts: dict[str, Series], host: str) -> Lag:
    """Return, at each sample of host, the highest head seen anywhere so far minus its own LIB.

    Its least is that of heads which were seen before for sure, its most that of all which may have
    been.
    """
    own = hosts[host]
    head = np.concatenate([s.head for s in hosts.values()])

    def top(seen: list[Floats], until: Floats) -> Floats:
        t_ns = np.concatenate(seen)
        order = np.argsort(t_ns, kind="stable")
        reached = np.maximum.accumulate(head[order])
        at = np.searchsorted(t_ns[order], until, side="right") - 1
        found: Floats = np.where(at >= 0, reached[np.maximum(at, 0)], 0.0)
        return np.maximum(found, own.head)

    every = list(hosts.values())
    return Lag(
        least=top([s.hi_ns for s in every], own.lo_ns) - own.lib,
        most=top([s.lo_ns for s in every], own.hi_ns) - own.lib,
    )
