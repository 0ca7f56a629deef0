"""How much stake has confirmed a block by transactions that refer to it or to a descendant (B43).

Each transaction names a recent block and cannot be in a chain without it: whoever signs one
confirms that block and all before it, with all that he has.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ID_DIGITS, ChainView, held
from metrics.measure.metric import Expected, Figures, Metric, Pool
from metrics.model.method import Method
from metrics.model.quantiles import Samples, summarise
from metrics.model.shapes import Q, part

Shares = list[float]
ROUNDS = (1, 2, 4, 8)
"""After so many rounds of blocks the share is told."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A block: its phase, and after how many blocks which stake had confirmed it, soonest first."""

    num: int
    phase: str
    stakes: list[tuple[int, int]]

    def after(self, blocks: int) -> int:
        """Return the stake that had confirmed it so many blocks later."""
        return sum(stake for later, stake in self.stakes if later <= blocks)

    def until(self, stake: int) -> int | None:
        """Return how many blocks later at least that stake had, None where it never did."""
        whole = 0
        for later, own in self.stakes:
            whole += own
            if whole >= stake:
                return later
        return None


@dataclass(frozen=True, slots=True)
class References:
    """The blocks old enough to be judged, by number, all stake there is, and the last block."""

    blocks: list[Confirmed]
    stake: int
    last_num: int


def measure(data: TrialData, chain: ChainView) -> References:
    """Return what transactions in blocks of the final or best branch confirm.

    Of a record that does not say what transactions refer to, or what blocks hold, there is none.
    """
    stakes = {account.name: account.balance for account in data.plan.accounts}
    listed = held(data)
    said = {
        event.id[:ID_DIGITS]: (event.account, event.ref_num)
        for event in data.events("txs", "id state account ref_num")
        if event.state == "sent" and event.account
    }
    if not said or not chain.canonical <= listed.keys():
        return References([], sum(stakes.values()), 0)
    references: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for id_ in chain.canonical & chain.blocks.keys():
        for account, ref_num in (said[short] for short in listed[id_] if short in said):
            references[account].append((chain.blocks[id_].num, ref_num))
    rising = {account: _rising(own) for account, own in references.items()}
    found = []
    for block in chain.measured(data):
        times = sorted(
            (later, stakes.get(account, 0))
            for account, own in rising.items()
            if (later := _later(own, block.num)) is not None
        )
        phase = data.phase_at(data.slot_time_ns(block.slot))
        found.append(Confirmed(block.num, phase, times))
    tips = (chain.blocks[id_].num for id_ in chain.canonical & chain.blocks.keys())
    return References(found, sum(stakes.values()), max(tips, default=0))


def _rising(references: Iterable[tuple[int, int]]) -> tuple[Sequence[int], Sequence[int]]:
    """Return (blocks, what they confirm up to) of an account, where that rises."""
    at: list[int] = []
    up_to: list[int] = []
    for num, ref_num in sorted(references):
        if not up_to or ref_num > up_to[-1]:
            at.append(num)
            up_to.append(ref_num)
    return at, up_to


def _later(rising: tuple[Sequence[int], Sequence[int]], num: int) -> int | None:
    """Return how many blocks after num the account had confirmed it, None where it never did."""
    at, up_to = rising
    i = bisect_left(up_to, num)
    return at[i] - num if i < len(at) else None


def shares(found: References, phases: Container[str], round_blocks: int) -> Mapping[int, Shares]:
    """Return, by number of blocks, which share of all stake had confirmed each block then.

    Of blocks on which the chain has so many.
    """
    after = {}
    for k in [n * round_blocks for n in ROUNDS] if found.stake else []:
        old = [b for b in found.blocks if b.phase in phases and b.num + k <= found.last_num]
        if old:
            after[k] = [block.after(k) / found.stake for block in old]
    return after


def pool(over: Pool[References]) -> Figures:
    """Return `tapos` and `tapos_half_blocks` of M, of blocks of the phases' slots."""
    every: dict[int, Shares] = defaultdict(list)
    samples = []
    for data, found in over.trials:
        for k, those in shares(found, over.phases, data.plan.round_blocks).items():
            every[k] += those
        own = Samples()
        for block in (block for block in found.blocks if block.phase in over.phases):
            later = block.until(-(-found.stake // 2))
            if later is None:
                own.censored += 1
            else:
                own.add(later, later, later)
        samples.append(own)
    return {
        "tapos": {
            "blocks": sum(own.n for own in samples),
            "share_after": {str(k): round(fmean(own), 6) for k, own in sorted(every.items())},
        },
        "tapos_half_blocks": summarise(samples, scale=1, digits=3),
    }


METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={
        "tapos": part("Tapos", blocks=int, share_after=dict[str, float]),
        "tapos_half_blocks": Q,
    },
    methods=(
        Method(
            name="Stake that confirmed blocks",
            figures=("tapos.blocks", "tapos.share_after.*", "tapos_half_blocks"),
            formula="A transaction in a block of the final or best branch confirms the block that "
            "it refers to and all before it, with the stake of who signed it. share_after: which "
            "share of all stake had confirmed a block so many blocks later (1, 2, 4 and 8 rounds), "
            "mean over blocks with so many above. tapos_half_blocks: after how many blocks half "
            "of it had.",
            left_out="Blocks that finality leaves out. Where clients do not tell what they refer "
            "to there are none. Transactions of no client of the run.",
            assumes="Stake is what an account had at the genesis. Clients refer to their node's "
            "last irreversible block, so the figures hold finality's lag.",
        ),
    ),
    place=8,
    expected=(Expected("tapos_half_blocks", quantiles=True),),
)  # fmt: skip
