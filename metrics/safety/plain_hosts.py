"""Hosts to which nothing happened, and the few of their lines that an invariant can hang on.

Such a node ran from its start to the end, never left a branch, and told of blocks one above the
other, so that it breaks none of the rules that follow a node through its own log. What it told
against others shows where not all tell the same. Of its thousands of lines about blocks and slots,
only those of such a block or height need be looked at.
"""

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from metrics.intake.trial import Event, TrialData
from metrics.measure.blocks import held
from metrics.model.arrays import Bools, Ints

MANY = {
    "applied": "node num id state_digest",
    "irreversible": "node num id",
    "slot_due": "node lib_num",
}
"""Kinds of which every host has a line for each block or slot."""


class Told:
    """The lines of one of those kinds as columns, but those of some hosts.

    host: the place of its host among those that wrote events. rows: their places among all of the
    kind's columns.
    """

    def __init__(self, data: TrialData, kind: str, left_out: Set[str]) -> None:
        self._told = data.columns(kind, MANY[kind])
        self.hosts, of_epoch = data.writers
        heard = np.asarray([name not in left_out for name in self.hosts], dtype=bool)
        every = of_epoch[self._told["epoch"]]
        self.rows: Ints = np.flatnonzero(heard[every])
        self.host: Ints = every[self.rows]

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        found: npt.NDArray[Any] = self._told[name][self.rows]
        return found

    @cached_property
    def _numbered(self) -> tuple[list[str], Ints]:
        places: dict[str, int] = {}
        ids = self["id"].tolist()
        block = np.fromiter((places.setdefault(x, len(places)) for x in ids), dtype=np.int64)
        return [*places], block

    @property
    def ids(self) -> list[str]:
        """Return the blocks told of."""
        return self._numbered[0]

    @property
    def block(self) -> Ints:
        """Return the place of each line's block among `ids`."""
        return self._numbered[1]

    @property
    def shared(self) -> int:
        """Return of how many blocks several hosts have a line."""
        pairs = np.unique(self.block * len(self.hosts) + self.host)
        return int((np.bincount(pairs // max(len(self.hosts), 1)) > 1).sum())

    def chain_of(self, host: str) -> dict[int, str]:
        """Return the last id that a host told of each number."""
        own = self.host == self.hosts.index(host)
        return dict(zip(self["num"][own].tolist(), self["id"][own].tolist(), strict=True))

    def firsts(self, which: Bools) -> Bools:
        """Return which lines are the first about their blocks, of some lines."""
        some = np.flatnonzero(which)
        found = np.zeros(len(self.rows), dtype=bool)
        found[some[np.unique(self.block[some], return_index=True)[1]]] = True
        return found

    def where(self, wrong: Bools | Ints) -> set[str]:
        """Return the hosts of some lines."""
        return {self.hosts[place] for place in np.unique(self.host[wrong]).tolist()}


@dataclass(frozen=True, slots=True)
class Many:
    """The lines of those kinds, but those of some hosts; plain: hosts to which nothing happened."""

    applied: Told
    irreversible: Told
    slot_due: Told
    plain: Set[str]

    def needed(self, produced: Set[str]) -> dict[str, Ints]:
        """Return by kind the places, among its columns, of all lines that need be looked at.

        produced: blocks of which a maker told; of others the first line stands for its signature.
        """
        applied, final, due = self.applied, self.irreversible, self.slot_due
        unsigned = np.asarray([id_ not in produced for id_ in applied.ids], dtype=bool)
        which = {
            "applied": _unlike(applied.block, applied["state_digest"])
            | applied.firsts(unsigned[applied.block]),
            "irreversible": _unlike(final["num"], final.block),
            "slot_due": np.zeros(len(due.rows), dtype=bool),
        }
        whole = np.asarray([host not in self.plain for host in applied.hosts], dtype=bool)
        return {
            kind: told.rows[which[kind] | whole[told.host]]
            for kind, told in zip(which, (applied, final, due), strict=True)
        }


def many(data: TrialData, left_out: Set[str], started: list[Event], eventful: Set[str]) -> Many:
    """Return the lines but those of some hosts.

    started: the nodes' starts. eventful: hosts to which something happened, whatever they tell.
    """
    applied, final, due = every = [Told(data, kind, left_out) for kind in MANY]
    starts = Counter(event.host for event in started)
    plain = {host for host in applied.hosts if starts[host] == 1} - eventful - left_out
    plain -= {event.host for event in data.events("switched", "ancestor_num")}
    for told in every:
        plain -= told.where(told["node"] != np.asarray(told.hosts, dtype=object)[told.host])
    for told in (applied, final):
        num = told["num"]
        falls = (told.host[1:] == told.host[:-1]) & (num[1:] <= num[:-1])
        plain -= told.where(np.flatnonzero(falls))
    resumed = {event.host: (event.seq, event.resumed_lib) for event in started}
    plain = {host for host in plain if not _falls(final, due, host, resumed[host])}
    if _repeated(data):
        plain = set()
    return Many(applied, final, due, plain)


def _falls(final: Told, due: Told, host: str, resumed: tuple[int, int]) -> bool:
    """Return whether the last irreversible block that a host tells is lower than it was before."""
    place = final.hosts.index(host)
    told = [np.asarray([[own] for own in resumed])]
    for kind, name in ((final, "num"), (due, "lib_num")):
        own = kind.host == place
        told.append(np.stack([kind["seq"][own], kind[name][own]]))
    seq, lib = np.concatenate(told, axis=1)
    lib = lib[np.argsort(seq, kind="stable")]
    return bool((lib[1:] < np.maximum.accumulate(lib)[:-1]).any())


def _repeated(data: TrialData) -> bool:
    """Return whether blocks hold a transaction twice, on whatever branches."""
    blocks = held(data)
    return sum(map(len, blocks.values())) > len({*chain.from_iterable(blocks.values())})


def _unlike(key: Ints, value: npt.NDArray[Any]) -> Bools:
    """Return which lines have a key of which not all have the same value."""
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    wrong = np.zeros(len(first), dtype=bool)
    wrong[group[value != value[first][group]]] = True
    found: Bools = wrong[group]
    return found
