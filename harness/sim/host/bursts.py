"""Bursts of probes by the many: what a prober saw, in columns, and the records of the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harness.sim.host.clock import Times
from node.events import Probe
from node.timing.probe_frame import BURST, Flow

LOST = -(1 << 62)
"""Stands for the time that a lost packet takes, where times are many."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Whom bursts of one flow go to, and its boot id."""

    peer: str
    flow: Flow
    boot: str

    def record(self, stamps_ns: Sequence[int], rtts_ns: list[int]) -> Probe:
        """Return the event of a burst, as `Burst.record` has it; rtts_ns: what came back."""
        if not rtts_ns:
            return Probe(peer=self.peer, flow=self.flow, sent=BURST, received=0)
        t1_ns, t2_ns, t3_ns, t4_ns = stamps_ns
        return Probe(
            peer=self.peer, flow=self.flow, sent=BURST, received=len(rtts_ns), t1_ns=t1_ns,
            t2_ns=t2_ns, t3_ns=t3_ns, t4_ns=t4_ns, peer_boot=self.boot, rtts_ns=rtts_ns,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bursts:
    """Rows of one prober, in order of end_ns, the true time at which each is told.

    pair: the index among pairs; stamps_ns: t1 to t4 of the best exchange; rtts_ns: LOST for what
    did not come back.
    """

    pairs: Sequence[Pair]
    end_ns: Times
    pair: Times
    stamps_ns: Times
    rtts_ns: Times

    def __len__(self) -> int:
        return len(self.end_ns)

    def rows(self, which: slice) -> Bursts:
        """Return some of them."""
        columns = self.end_ns, self.pair, self.stamps_ns, self.rtts_ns
        return Bursts(self.pairs, *(column[which] for column in columns))

    def joined(self, later: Bursts) -> Bursts:
        """Return these and others that began later, in order."""
        if not len(self):
            return later
        ends_ns = np.concatenate([self.end_ns, later.end_ns])
        order = ends_ns.argsort(kind="stable")
        ours = self.pair, self.stamps_ns, self.rtts_ns
        theirs = later.pair, later.stamps_ns, later.rtts_ns
        others = [np.concatenate(both)[order] for both in zip(ours, theirs, strict=True)]
        return Bursts(self.pairs, ends_ns[order], *others)

    @property
    def complete(self) -> bool:
        """Return whether all probes of all of them came back."""
        return bool((self.rtts_ns != LOST).all())

    def records(self) -> Iterator[tuple[int, Probe]]:
        """Yield the time and the record of each."""
        columns = self.end_ns, self.pair, self.stamps_ns, self.rtts_ns
        for end_ns, pair, stamps_ns, rtts_ns in zip(*map(np.ndarray.tolist, columns), strict=True):
            back = [ns for ns in rtts_ns if ns != LOST]
            yield end_ns, self.pairs[pair].record(stamps_ns, back)
