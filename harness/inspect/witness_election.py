"""Who is elected on a BitShares chain by accounts that are written down: the chain's own counting.

Candidates stand in the order in which they registered. Everybody has said what is written before
maintenance counts.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from pydantic import Field, ValidationError

from faults.model.fault import SECOND_NS
from harness.campaign.chain_spec import AccountName
from harness.campaign.problems import one_line
from harness.campaign.rules_spec import VotingSpec, WholeSeconds, rules_of
from harness.campaign.values import Strict
from harness.inspect.fields import InspectError
from node.chain.bitshares.contracts.voting.authority import authority
from node.chain.bitshares.contracts.voting.counts import CountRule, Role, rule_for
from node.chain.bitshares.contracts.voting.majority import majority_stake
from node.chain.bitshares.contracts.voting.ranking import Ranking, elect
from node.chain.bitshares.contracts.voting.tally import Limits, RoleVotes, Tally, tally
from node.chain.bitshares.contracts.voting.vote import Vote
from node.chain.model.bitshares_rules import VotingRules
from node.chain.model.schedule import MAX_PRODUCERS

WHY_OUT = {
    "no_votes": "no votes",
    "fewer_votes": "fewer votes than the last who is elected",
    "registered_later": "as many votes as the last who is elected, registered later",
}


class Candidates(Strict):
    """Who registered, in that order."""

    witnesses: list[AccountName] = Field(default=[])
    committee: list[AccountName] = Field(default=[])


class Voting(Strict):
    """An account: what it has, whom it approves of, how many it wants, or through whom it votes.

    age: how long ago it said so, which matters where votes decay.
    """

    stake: Annotated[int, Field(ge=0, lt=1 << 62)]
    witnesses: list[AccountName] = Field(default=[])
    committee: list[AccountName] = Field(default=[])
    num_witness: Annotated[int, Field(ge=0)] = 0
    num_committee: Annotated[int, Field(ge=0)] = 0
    proxy: AccountName | None = None
    age: WholeSeconds = 0


class Election(Strict):
    """An election as a file tells it."""

    profile: str = "bitshares"
    parameters: VotingSpec = Field(default_factory=VotingSpec)  # type: ignore[valid-type]
    candidates: Candidates
    accounts: dict[AccountName, Voting] = Field(default={})


def elect_both(written: dict[object, object]) -> dict[str, object]:
    """Return who is elected for both roles, most votes first, by which votes, and why.

    Raises:
        InspectError: what is written is no election, or the chain would refuse a vote.
    """
    try:
        told = Election.model_validate(written)
    except ValidationError as error:
        raise InspectError(one_line(error)) from error
    said = msgspec.convert(rules_of(told.parameters, VotingRules), VotingRules)
    _check(told, said)
    standing = told.candidates
    rules = said.settled(len(standing.witnesses), standing.committee)
    counted = _counted(told, rules)
    found: dict[Role, Ranking] = {
        "witness": _elected("witness", standing.witnesses, counted.witnesses, counted, rules),
        "committee": _elected("committee", standing.committee, counted.committee, counted, rules),
    }
    witnesses, committee = found["witness"], found["committee"]
    weights = authority(committee.elected, committee.votes)
    both = {"witnesses": witnesses, "committee": committee}
    return {
        "witnesses": list(witnesses.elected),
        "committee": list(committee.elected),
        "tally": {role: dict(each.votes) for role, each in both.items()},
        "ties": {role: [list(tied) for tied in each.ties] for role, each in both.items()},
        "weights": {} if weights is None else dict(weights.members),
        "threshold": None if weights is None else weights.threshold,
        "stake": counted.total,
        "majority_stake": {
            "witnesses": _majority("witness", witnesses, rules),
            "committee": _majority("committee", committee, rules),
        },
        "reasons": {role: _reasons(each) for role, each in both.items()},
    }


def by_registration(name: str, ties: Sequence[Sequence[str]]) -> str:
    """Return whom a candidate was tied with and what decided that, "" for one without a tie."""
    tied = next((tie for tie in ties if name in tie), ())
    others = ", ".join(other for other in tied if other != name)
    return f", as {others}, by order of registration" if others else ""


def _check(told: Election, rules: VotingRules) -> None:
    problem = rules.problem(frozenset(told.accounts))
    if problem is not None:
        raise InspectError(f"parameters.{problem.removeprefix('voting: ')}")
    standing = {"witnesses": told.candidates.witnesses, "committee": told.candidates.committee}
    for role, names in standing.items():
        for name in names:
            if names.count(name) > 1:
                raise InspectError(f"candidates.{role}: {name} is there twice; keep one")
    for account, said in told.accounts.items():
        for role, names in standing.items():
            for name in getattr(said, role):
                if name not in names:
                    where = f"accounts.{account}.{role}"
                    raise InspectError(f"{where}: {name} is no candidate; add it to candidates")
        if said.proxy is not None and said.proxy not in told.accounts:
            raise InspectError(f"accounts.{account}.proxy: there is no account {said.proxy}")
        _check_vote(account, said, rules)


def _vote(account: str, said: Voting) -> Vote:
    return Vote(
        account=account,
        proxy=said.proxy or "",
        num_witness=said.num_witness,
        num_committee=said.num_committee,
        witnesses=tuple(said.witnesses),
        committee=tuple(said.committee),
    )


def _check_vote(account: str, said: Voting, rules: VotingRules) -> None:
    fault = _vote(account, said).fault()
    if fault is not None:
        raise InspectError(f"accounts.{account}: the chain refuses it: {fault}")
    for key, most in (
        ("num_witness", rules.max_witness_count),
        ("num_committee", rules.max_committee_count),
    ):
        if getattr(said, key) > most:
            raise InspectError(f"accounts.{account}.{key}: at most {most} may be wanted")


def _counted(told: Election, rules: VotingRules) -> Tally:
    ages = {name: said.age // SECOND_NS for name, said in told.accounts.items()}
    now_s = max(ages.values(), default=0)
    opinions = {
        name: _vote(name, said).opinion(now_s - ages[name]) for name, said in told.accounts.items()
    }
    stakes = {name: said.stake for name, said in told.accounts.items()}
    limits = Limits(rules.max_witness_count, rules.max_committee_count)
    return tally(stakes, opinions, rules, limits, now_s=now_s)


def _elected(
    role: Role, names: Sequence[str], votes: RoleVotes, counted: Tally, rules: VotingRules
) -> Ranking:
    rule = _rule(role, rules)
    return elect({name: i for i, name in enumerate(names)}, votes, counted.total, rule)


def _majority(role: Role, ranking: Ranking, rules: VotingRules) -> int:
    approvals = list(ranking.votes.values())
    return majority_stake(approvals, len(ranking.elected), _rule(role, rules))


def _rule(role: Role, rules: VotingRules) -> CountRule:
    most = rules.max_witness_count if role == "witness" else rules.max_committee_count
    return rule_for(role, rules, most=most, room=MAX_PRODUCERS if role == "witness" else most)


def _reasons(ranking: Ranking) -> dict[str, str]:
    """Return why each candidate is elected or not, in order of rank."""
    reasons: dict[str, str] = {}
    for place, name in enumerate(ranking.elected, start=1):
        votes = f"{ranking.votes[name]} votes{by_registration(name, ranking.ties)}"
        reasons[name] = f"elected: place {place}, {votes}"
    return reasons | {name: f"out: {WHY_OUT[why]}" for name, why in ranking.out.items()}
