"""What only a BitShares chain has: the constants of PROTOCOL C.18, each settable.

Amounts are units of the core asset, of which 1 BTS has 100,000. Defaults are graphene's, or those
of PROTOCOL "Our choices"; a lab of four witnesses needs no other to elect.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from node.chain.model.schedule import MAX_PRODUCERS

PayMode = Literal["fixed_per_block", "percent_of_fees"]
BTS = 100_000
"""Units in 1 BTS."""
DAY_S = 86_400
MOST = (1 << 62) - 1
"""The largest amount there is, and the largest of numbers without a limit of their own."""
ALL = 10_000
"""Shares are parts of so many."""
MAX_COUNT = 1_001
"""Graphene's limit for witnesses, and for members of the committee."""


HARD_FORKS = {1: "notes"}
"""The hard forks that this software knows, by the ids that votes and headers name them by."""


class VotingRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Votes, and how many and who is elected by them (PROTOCOL C.11, C.17)."""

    min_witness_count: int | None = None
    """How many witnesses are elected at least, an odd number; left out, as many as keep all whom
    the genesis has, so that a lab of any size goes on until somebody votes (graphene: 11)."""
    min_committee_count: int | None = None
    """The same of members of the committee."""
    max_witness_count: int = MAX_COUNT
    """How many witnesses are elected at most."""
    max_committee_count: int = MAX_COUNT
    """How many members of the committee are elected at most."""
    count_tie: Literal["graphene", "seed"] = "graphene"
    """Whether exactly half of the stake is enough for a number of seats (seed) or not
    (graphene)."""
    delegate_count_rule: Literal["vote_number", "top75"] = "vote_number"
    """How many are elected: the number voted for, or all who have 75 % of the approval of the
    best."""
    top75_for: Literal["committee", "both"] = "committee"
    """Whom the rule of 75 % is for: the committee alone, or witnesses, too."""
    min_delegates: int = 10
    """How many the rule of 75 % elects at least."""
    proxy_depth: int = 1
    """How many proxies are followed, one to the next."""
    full_vote_s: int | None = None
    """How long a vote counts whole; left out, for ever."""
    decay_step_s: int = 45 * DAY_S
    """After that, how long it takes until a vote counts an eighth less."""
    committee: list[str] = []
    """Accounts that are candidates for the committee from the start; left out, all producers that
    are accounts."""

    def problem(self, accounts: frozenset[str]) -> str | None:
        """Return why no chain with these accounts can have these."""
        for key in ("min_witness_count", "min_committee_count"):
            least = getattr(self, key)
            if least is not None and not (1 <= least <= MAX_COUNT and least % 2):
                return f"voting: {key} must be odd, 1 to {MAX_COUNT}"
        if not all(1 <= n <= MAX_COUNT for n in (self.max_witness_count, self.max_committee_count)):
            return f"voting: max_witness_count and max_committee_count must be 1..{MAX_COUNT}"
        if not 1 <= self.min_delegates <= MAX_PRODUCERS:
            return f"voting: min_delegates must be 1..{MAX_PRODUCERS}"
        if not 0 <= self.proxy_depth <= MAX_PRODUCERS:
            return f"voting: proxy_depth must be 0..{MAX_PRODUCERS}"
        if not (1 <= self.decay_step_s <= MOST and 0 <= (self.full_vote_s or 0) <= MOST):
            return f"voting: decay_step_s must be 1..{MOST}, full_vote_s 0..{MOST}"
        for name in self.committee:
            if name not in accounts or self.committee.count(name) > 1:
                return f"voting: committee: {name} must be an account, and named once"
        return None

    def settled(self, witnesses: int, members: list[str]) -> VotingRules:
        """Return these with their minimum counts as numbers, and with the first committee.

        witnesses: how many the genesis has; members: who is the committee if nobody is named.
        """
        committee = self.committee or members
        least = {"min_witness_count": witnesses, "min_committee_count": len(committee)}
        said = {key: getattr(self, key) for key in least}
        counts = {key: least[key] | 1 if said[key] is None else said[key] for key in least}
        return msgspec.structs.replace(self, committee=committee, **counts)


class CommitteeRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Proposals and those who decide on them (PROTOCOL C.12)."""

    review_period_s: int = 14 * DAY_S
    """How long a proposal of parameters is reviewed at least; longer than a maintenance
    interval."""
    max_proposal_lifetime_s: int = 28 * DAY_S
    """How long a proposal may live."""
    quorum: Literal["stake", "head_count"] = "stake"
    """What a proposal needs: more than half of the stake behind the committee, or more than two
    thirds of its members."""
    freeze_approvals: Literal["all", "accounts"] = "all"
    """Who can no longer approve of a proposal while it is reviewed: all, or accounts, but keys can
    (graphene)."""
    max_proposals: int = 8
    """How many proposals of one account may wait at once; ours, as fees, which alone bound them
    upstream, may be 0."""

    def problem(self) -> str | None:
        """Return why no chain can have these."""
        if not 0 < self.review_period_s < self.max_proposal_lifetime_s:
            return "committee: review_period_s must be 1 or more, less than max_proposal_lifetime_s"
        fits = 1 <= self.max_proposals <= MOST
        return None if fits else f"committee: max_proposals must be 1..{MOST}"


class MoneyRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fees, pay and budget with which the chain begins (PROTOCOL C.13)."""

    reserve: int = 0
    """What pay and workers come from; fees join it. At each maintenance at most 17 of 2^32 parts of
    it a second become a budget."""
    fees: dict[str, int] = {}
    """What operations cost, by the words of acts; nothing for what is not named."""
    fee_per_kbyte: int = 0
    """What 1,024 bytes of an operation cost besides."""
    network_percent: int = 2_000
    """How much of a fee joins the reserve, in parts of 10,000."""
    pay_mode: PayMode = "fixed_per_block"
    """Whether a block pays its witness so much, or a part of its own fees."""
    pay_percent: int = 0
    """That part of the fees of a block, in parts of 10,000."""
    witness_pay_per_block: int = 10 * BTS
    """What a block pays its witness out of the budget."""
    worker_budget_per_day: int = 0
    """What workers that stake approves of share, by approval."""
    vesting_s: int = DAY_S
    """How long it takes until pay can be claimed."""
    max_workers: int = 8
    """How many workers one account may have at once; ours, as fees, which alone bound them
    upstream, may be 0."""

    def problem(self) -> str | None:
        """Return why no chain can have these."""
        amounts = (self.reserve, self.fee_per_kbyte, self.witness_pay_per_block)
        if not all(0 <= n <= MOST for n in (*amounts, self.worker_budget_per_day)):
            return f"money: amounts must be 0..{MOST}"
        if not all(0 <= fee <= MOST for fee in self.fees.values()):
            return f"money: fees must be 0..{MOST}"
        if not all(0 <= share <= ALL for share in (self.network_percent, self.pay_percent)):
            return f"money: network_percent and pay_percent must be 0..{ALL}"
        if not 0 <= self.vesting_s <= MOST:
            return f"money: vesting_s must be 0..{MOST}"
        return None if 1 <= self.max_workers <= MOST else f"money: max_workers must be 1..{MOST}"


class RandomRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Random numbers that blocks make by revealing secrets, and the shuffle (PROTOCOL C.16)."""

    on: bool = False
    """Whether each block reveals a secret that its witness promised in its last one, and promises
    another. From these come random numbers, which the act `raffle` draws from."""
    shuffle: Literal["time", "turns"] = "time"
    """What picks whose turn it is: the head's time, as graphene today, or random numbers, as in
    summer 2015."""
    first_reveal: Literal["zeros", "any"] = "zeros"
    """What a witness that has promised nothing reveals: zeros, or anything (upstream), so that it
    chooses what the number comes to."""

    def problem(self) -> str | None:
        """Return why no chain can have these."""
        if self.shuffle == "turns" and not self.on:
            return "random: shuffle: turns needs random numbers; say on: true"
        return None


class HardForkRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hard forks that stakeholders and witnesses decide on (PROTOCOL C.15): a key each."""

    notes_s: int | None = None
    """From when on, after the chain's start, accounts may leave notes (act `note`), if stake and
    witnesses want it; left out, never."""

    @property
    def times(self) -> dict[int, int]:
        """Return the seconds of those that may ever be active, by id."""
        known = ((number, getattr(self, f"{name}_s")) for number, name in HARD_FORKS.items())
        return {number: at_s for number, at_s in known if at_s is not None}

    def problem(self) -> str | None:
        """Return why no chain can have these."""
        odd = [HARD_FORKS[number] for number, at_s in self.times.items() if not 0 <= at_s <= MOST]
        return f"hard_forks: {odd[0]}_s must be 0..{MOST}" if odd else None


class BitsharesRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What only a BitShares chain has; seconds are the chain's, of which each is a slot.

    block_interval_s: 1 to 30, with which the chain begins. required_participation: parts of 10,000
    of the last 128 slots below which nobody produces. undo_limit: so many blocks without finality
    halt the chain. fork_choice: the document compares participation; literal_s0 as its words say,
    which can be cheated. faithful_window: the last irreversible block itself can be undone, as
    upstream; for simulation only. tapos_zero: upstream lets prefix 0 pass for a block number that
    nobody has used yet, so also (0, 0). Without strict_slot_alignment any second inside a slot is a
    valid time, as upstream.
    """

    block_interval_s: int = 1
    maintenance_interval_s: int = DAY_S
    maintenance_skip_slots: int = 3
    required_participation: int = 3_300
    undo_limit: int = 10_000
    fork_choice: Literal["longest", "participation", "literal_s0"] = "longest"
    faithful_window: bool = False
    tapos_zero: Literal["refused", "upstream"] = "refused"
    strict_slot_alignment: bool = True
    voting: VotingRules = VotingRules()
    """How votes count, and how many are elected."""
    committee: CommitteeRules = CommitteeRules()
    """Proposals of parameters, and those who decide on them."""
    money: MoneyRules = MoneyRules()
    """Fees, pay and budget with which the chain begins."""
    random: RandomRules = RandomRules()
    """Random numbers that blocks make by revealing secrets, and the shuffle."""
    hard_forks: HardForkRules = HardForkRules()
    """When, after the chain's start, each hard fork may be active: once more than half of all stake
    votes for it at a maintenance and two thirds of the active witnesses are ready."""

    def problem(self, accounts: frozenset[str]) -> str | None:
        """Return why no chain with these accounts can have these; parameters are checked apart."""
        if not 0 <= self.required_participation <= ALL:
            return f"required_participation must be 0..{ALL}"
        if not 2 <= self.undo_limit <= MOST:
            return f"undo_limit must be 2..{MOST}"
        return (
            self.voting.problem(accounts)
            or self.committee.problem()
            or self.money.problem()
            or self.random.problem()
            or self.hard_forks.problem()
        )
