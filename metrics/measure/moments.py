"""When hosts reached something of blocks, as columns of blocks by hosts, and when enough had."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics.intake.clock_pairs import by_key
from metrics.intake.trial import TrialData
from metrics.model.arrays import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Firsts:
    """The first line of a kind about each of some blocks at each host.

    block: its place among those asked for; epoch: its place among the trial's.
    """

    block: Ints
    epoch: Ints
    seq: Ints
    mono_ns: Ints


@dataclass(frozen=True, slots=True)
class View:
    """Of each block the moment at which enough hosts had reached it, and the lag at that host.

    t_ns since T0, nan where that is not known; nothing of it counts where not reached.
    """

    reached: Bools
    t_ns: Floats
    lo_ns: Floats
    hi_ns: Floats
    lag_blocks: Ints


@dataclass(frozen=True, slots=True)
class Moments:
    """When each host (a column, in order of name) reached each block (a row), where it did: there.

    t_ns since T0 with the interval it must lie in, nan where not known; lag_blocks: the number of
    the head then, minus the block's own.
    """

    hosts: list[str]
    there: Bools
    t_ns: Floats
    lo_ns: Floats
    hi_ns: Floats
    lag_blocks: Ints

    def view(self, weights: Ints, needed: Ints) -> View:
        """Return the moments at which hosts that weigh enough had reached the blocks.

        weights: of each host for each block, below zero of who does not count. The moment lies
        between that by all lower ends and that by all upper ends: which host completes it is not
        known where intervals overlap. A host whose times are not known may have been any: where
        that leaves an end open, so is the moment.
        """
        if not self.hosts:  # nobody told anything
            none = np.full(len(self.there), np.nan)
            return View(np.zeros(len(none), dtype=bool), none, none, none, np.zeros_like(needed))
        there = self.there & (weights >= 0)
        weights = np.where(there, weights, 0)
        known = ~np.isnan(self.t_ns)
        rows = np.arange(len(there))
        at = _reach(np.where(there & known, self.t_ns, np.inf), weights, needed)
        low = np.where(known, self.lo_ns, -np.inf)
        high = np.where(known, self.hi_ns, np.inf)
        lo_ns = low[rows, _reach(np.where(there, low, np.inf), weights, needed)]
        hi_ns = high[rows, _reach(np.where(there, high, np.inf), weights, needed)]
        vague = (there & ~known).any(axis=1)
        lost = vague & ~(np.isfinite(lo_ns) & np.isfinite(hi_ns))
        t_ns = np.minimum(np.maximum(self.t_ns[rows, at], lo_ns), hi_ns)
        return View(
            reached=weights.sum(axis=1) >= needed,
            t_ns=np.where(lost, np.nan, t_ns),
            lo_ns=lo_ns,
            hi_ns=hi_ns,
            lag_blocks=self.lag_blocks[rows, at],
        )


def _reach(moments: Floats, weights: Ints, needed: Ints) -> Ints:
    """Return, for each row, the column by whose moment those with enough weight are there."""
    order = np.argsort(moments, axis=1, kind="stable")
    so_far = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    enough = np.argmax(so_far >= needed[:, None], axis=1)
    found: Ints = np.take_along_axis(order, enough[:, None], axis=1)[:, 0]
    return found


def firsts(data: TrialData, kind: str, ids: Sequence[str]) -> Firsts:
    """Return the first line of a kind about each of some blocks at each host."""
    return first_lines(data, kind, ids)[0]


def first_lines(
    data: TrialData, kind: str, ids: Sequence[str], *columns: str
) -> tuple[Firsts, list[Ints]]:
    """Return the first line of a kind about each of some blocks at each host, and the named columns
    of numbers of each.
    """
    told = data.columns(kind, " ".join(("id", *columns)))
    places = {id_: place for place, id_ in enumerate(ids)}
    block = np.fromiter((places.get(id_, -1) for id_ in told["id"]), dtype=np.int64)
    own = np.flatnonzero(block >= 0)
    hosts, of_epoch = data.writers
    host = of_epoch[told["epoch"][own]]
    rows = own[np.unique(block[own] * len(hosts) + host, return_index=True)[1]]
    found = Firsts(block[rows], *(told[name][rows] for name in ("epoch", "seq", "mono_ns")))
    return found, [told[name][rows] for name in columns]


def latencies(data: TrialData, start: Ints, start_ns: Ints, end: Ints, end_ns: Ints) -> Floats:
    """Return, in three rows, the latencies between stamps of epochs, by their places: the middles,
    and the lower and upper ends; each along the directly probed pair.
    """
    found = np.empty((3, len(start)))
    pair = start * len(data.epochs) + end
    for which, own in by_key(pair):
        first, last = (data.epochs[i] for i in divmod(which, len(data.epochs)))
        found[:, own] = data.timeline.latency(first, start_ns[own], last, end_ns[own])
    return found


def placed(data: TrialData, blocks: int, found: Firsts, lag_blocks: Ints) -> Moments:
    """Return the moments of first lines about so many blocks, put on the time line."""
    times = data.times(found.epoch, found.mono_ns)
    hosts, of_epoch = data.writers
    at = found.block, of_epoch[found.epoch]
    shape = (blocks, len(hosts))
    there, lags = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=np.int64)
    there[at], lags[at] = True, lag_blocks

    def column(own: Floats) -> Floats:
        whole = np.full(shape, np.nan)
        whole[at] = own
        return whole

    t_ns, lo_ns, hi_ns = map(column, times)
    return Moments(hosts, there, t_ns, lo_ns, hi_ns, lags)
