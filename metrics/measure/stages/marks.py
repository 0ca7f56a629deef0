"""What a trial's blocks passed where, by the raw clock of each host: columns of blocks by hosts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from metrics.intake.lines.event_rows import NOT_TOLD
from metrics.intake.trial import TrialData
from metrics.measure.blocks import Block, ChainView
from metrics.measure.moments import Firsts, first_lines, firsts
from metrics.model.arrays import Bools, Floats, Ints

NOWHERE = -1
_PRECOMMITTED = """
    SELECT epoch, mono_ns, first, num, id FROM event_precommitted JOIN epochs USING (host, boot)
    WHERE trial = ? AND node = host ORDER BY host, seq
"""


@dataclass(frozen=True, slots=True)
class Marks:
    """The first stamp of a kind of each block (a row) at each host (a column, in order of name).

    epoch: the place of the stamp's among the trial's, NOWHERE where there is no stamp.
    """

    epoch: Ints
    mono_ns: Ints

    @property
    def there(self) -> Bools:
        """Return where there is a stamp."""
        found: Bools = self.epoch != NOWHERE
        return found

    def since(self, earlier: "Marks") -> Floats:
        """Return how long after another mark of the same host each is, nan where a reboot lies
        between them, or one is not there.
        """
        same = self.there & (self.epoch == earlier.epoch)
        return np.where(same, (self.mono_ns - earlier.mono_ns).astype(np.float64), np.nan)

    def otherwise(self, other: "Marks") -> "Marks":
        """Return each stamp, and where there is none that of another mark."""
        return Marks(
            np.where(self.there, self.epoch, other.epoch),
            np.where(self.there, self.mono_ns, other.mono_ns),
        )


@dataclass(frozen=True, slots=True)
class Passed:
    """What blocks passed. produced is there at a maker alone, and of what it says of itself:

    late_ns: how long after the begin of its slot, by the maker's own wall clock; fsync_ns: how long
    it took until it was durable.
    """

    hosts: list[str]
    produced: Marks
    late_ns: Floats
    fsync_ns: Floats
    received: Marks
    validated: Marks
    applied: Marks
    precommitted: Marks
    irreversible: Marks


def passed(data: TrialData, chain: ChainView, blocks: Sequence[Block]) -> Passed:
    """Return what some blocks of the chain passed."""
    hosts, column = data.writers
    ids, shape = [block.id for block in blocks], (len(blocks), len(hosts))

    def placed(found: Firsts) -> Marks:
        epoch = np.full(shape, NOWHERE, dtype=np.int64)
        mono_ns = np.zeros(shape, dtype=np.int64)
        at = found.block, column[found.epoch]
        epoch[at], mono_ns[at] = found.epoch, found.mono_ns
        return Marks(epoch, mono_ns)

    made, (late_ns, fsync_ns) = first_lines(data, "produced", ids, "late_ns", "fsync_ns")
    executed, (took_ns,) = first_lines(data, "applied", ids, "executed_ns")
    order = np.lexsort((column[made.epoch], made.block))
    own = order[np.unique(made.block[order], return_index=True)[1]]  # One maker a block.
    made = _picked(made, own)
    late, fsync = np.full(len(ids), np.nan), np.full(len(ids), np.nan)
    late[made.block], fsync[made.block] = late_ns[own], fsync_ns[own]
    begun = replace(executed, mono_ns=executed.mono_ns - took_ns)
    return Passed(
        hosts=hosts,
        produced=placed(made),
        late_ns=late,
        fsync_ns=fsync,
        received=placed(firsts(data, "received", ids)),
        validated=placed(_picked(begun, took_ns != NOT_TOLD)),
        applied=placed(executed),
        precommitted=_precommitted(data, chain, blocks, column, shape),
        irreversible=placed(firsts(data, "irreversible", ids)),
    )


def _picked(found: Firsts, which: Ints | Bools) -> Firsts:
    return Firsts(*(getattr(found, each.name)[which] for each in fields(found)))


def _precommitted(
    data: TrialData, chain: ChainView, blocks: Sequence[Block], column: Ints, shape: tuple[int, int]
) -> Marks:
    """Return the first line by which each host's branch had pre-committed each block."""
    found = data.db.execute(_PRECOMMITTED, [data.file.n]).fetchnumpy()
    ours = np.fromiter((id_ in chain.canonical for id_ in found["id"]), dtype=bool)
    epoch, mono_ns, least, num, tip = (
        np.asarray(found[key])[ours] for key in ("epoch", "mono_ns", "first", "num", "id")
    )
    nums = np.asarray([block.num for block in blocks], dtype=np.int64)
    heights = Counter(chain.blocks[id_].num for id_ in chain.canonical & chain.blocks.keys())
    twice = np.asarray([heights[block.num] > 1 for block in blocks], dtype=bool)
    marks = Marks(np.full(shape, NOWHERE, dtype=np.int64), np.zeros(shape, dtype=np.int64))
    for host in range(shape[1]):
        own = np.flatnonzero(column[epoch] == host)
        at = np.searchsorted(np.maximum.accumulate(num[own]), nums)
        reached = np.flatnonzero(at < len(own))
        line = own[at[reached]]
        told = least[line] <= nums[reached]  # Else it was final before the node was up again.
        for i in np.flatnonzero(told & twice[reached]):  # Two final blocks: which one is it?
            told[i] = chain.descends(tip[line[i]], blocks[reached[i]])
        marks.epoch[reached[told], host] = epoch[line[told]]
        marks.mono_ns[reached[told], host] = mono_ns[line[told]]
    return marks
