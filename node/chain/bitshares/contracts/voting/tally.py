"""Counting votes: what approves of each candidate, and how many the stake wants. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from node.chain.bitshares.contracts.voting.rows import Opinion
from node.chain.model.bitshares_rules import VotingRules

EIGHTHS = 8
Candidate = TypeVar("Candidate", str, int)


@dataclass(frozen=True, slots=True)
class RoleVotes:
    """The votes for one role.

    approvals: by name of the candidate; who has none is not there. histogram: k to the stake of
    those who want 2k or 2k + 1; those at 0 abstain.
    """

    approvals: Mapping[str, int]
    histogram: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Tally:
    """What all votes come to; total: the stake of all accounts, whether they vote or not.

    workers and hard_forks: approvals by number and by id.
    """

    total: int
    witnesses: RoleVotes
    committee: RoleVotes
    workers: Mapping[int, int]
    hard_forks: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Limits:
    """The greatest numbers that opinions count with, of witnesses and of members."""

    witnesses: int
    committee: int


def tally(
    stakes: Mapping[str, int],
    opinions: Mapping[str, Opinion],
    rules: VotingRules,
    limits: Limits,
    *,
    now_s: int,
) -> Tally:
    """Return what all votes come to at a time; stakes: of all accounts.

    Each account gives all its stake to each whom it approves of. One whose number is greater than
    the limit is for no number, and does not abstain either.

    Source: bitshares-core libraries/chain/db_maint.cpp, perform_chain_maintenance, vote_tally.
    """
    total = 0
    votes: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    others: tuple[Counter[int], Counter[int]] = (Counter(), Counter())
    wanted: tuple[Counter[int], Counter[int]] = (Counter(), Counter())
    for account, owned in stakes.items():
        opinion, eighths = followed(account, opinions, rules, now_s)
        stake = owned
        for part in eighths:
            stake = stake * part // EIGHTHS
        if not stake:
            continue
        total += stake
        _add(votes[0], opinion.witnesses, stake)
        _add(votes[1], opinion.committee, stake)
        _add(others[0], opinion.workers, stake)
        _add(others[1], opinion.hard_forks, stake)
        if opinion.num_witness <= limits.witnesses:
            wanted[0][opinion.num_witness // 2] += stake
        if opinion.num_committee <= limits.committee:
            wanted[1][opinion.num_committee // 2] += stake
    witnesses, committee = (RoleVotes(*each) for each in zip(votes, wanted, strict=True))
    return Tally(total, witnesses, committee, *others)


def followed(
    account: str, opinions: Mapping[str, Opinion], rules: VotingRules, now_s: int
) -> tuple[Opinion, tuple[int, ...]]:
    """Return the opinion that an account's stake counts for, and by how many eighths, in turn.

    Of proxies at most proxy_depth are followed: the last one's own opinion counts, even if it has a
    proxy, too. The eighths are those of the account and of each proxy, which count one after the
    other.
    """
    opinion = opinions.get(account, NONE)
    eighths = [] if rules.full_vote_s is None else [eighths_left(opinion, rules, now_s)]
    for _ in range(rules.proxy_depth):
        if not opinion.proxy:
            break
        opinion = opinions.get(opinion.proxy, NONE)
        if rules.full_vote_s is not None:
            eighths.append(eighths_left(opinion, rules, now_s))
    return opinion, tuple(eighths)


def eighths_left(opinion: Opinion, rules: VotingRules, now_s: int) -> int:
    """Return how much of its weight an opinion has at that time of the chain.

    Source: bitshares-core libraries/chain/db_maint.cpp, vote_recalc_options.
    """
    late_s = now_s - opinion.time_s - (rules.full_vote_s or 0)
    if rules.full_vote_s is None or late_s < 0:
        return EIGHTHS
    return max(EIGHTHS - 1 - late_s // rules.decay_step_s, 0)


NONE = Opinion()
"""Of an account that has said nothing."""


def _add(counter: Counter[Candidate], approved: tuple[Candidate, ...], stake: int) -> None:
    for one in approved:
        counter[one] += stake
