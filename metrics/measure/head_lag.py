"""How far each host's last irreversible block is behind the highest head, sample by sample."""

from dataclasses import dataclass

import numpy as np

from metrics.intake.trial import TrialData
from metrics.model.arrays import Floats


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
    told = data.columns("slot_due", "head_num lib_num")
    keys = [told[name].astype(np.float64) for name in ("t_ns", "lo_ns", "hi_ns", "head_num",
                                                       "lib_num")]  # fmt: skip
    hosts, of_epoch = data.writers
    order = np.lexsort(keys[::-1])
    order = order[~np.isnan(keys[0][order])]
    host = of_epoch[told["epoch"]][order]
    return {
        name: Series(*(key[order[host == place]] for key in keys))
        for place, name in enumerate(hosts)
        if (host == place).any()
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
