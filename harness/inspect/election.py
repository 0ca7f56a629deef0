"""Who is elected by accounts that are written down: the chain's own operations on a state of ours.

Candidates register in the order in which they stand, proxies before those who choose them; then who
votes does, and whoever is named as not registered leaves. Fees play no part.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from pydantic import Field, ValidationError

from harness.campaign.chain_spec import AccountName
from harness.campaign.problems import one_line
from harness.campaign.rules_spec import FioSpec, rules_of
from harness.campaign.values import Strict
from harness.inspect.explain import check_profile
from harness.inspect.fields import InspectError
from harness.inspect.witness_election import by_registration, elect_both
from node.chain.eosio.contracts.voting.ranking import Ranking, rank, refusal
from node.chain.eosio.contracts.voting.register_proxy import RegisterProxy
from node.chain.eosio.contracts.voting.rows import LOCKS, PRODUCERS, RULES, THE_ONE, VOTED, Producer
from node.chain.eosio.contracts.voting.vote_producers import VoteProducers
from node.chain.eosio.contracts.voting.vote_proxy import VoteProxy
from node.chain.eosio.profile import TRANSACTION_RULES
from node.chain.ledger.accounts import BALANCES
from node.chain.ledger.ledger import tables_of
from node.chain.model.errors import TransactionRejected
from node.chain.model.fio_rules import FioRules
from node.chain.model.operation import OpenBlock, Operation
from node.chain.state.state import State

Amount = Annotated[int, Field(ge=0, lt=1 << 62)]
NOT_PROPOSED = {"nobody": "nobody has votes", "shorter": "the schedule never shrinks"}


class Candidate(Strict):
    """Somebody who registered as a producer, and may have unregistered since."""

    name: AccountName
    registered: bool = True


class Voting(Strict):
    """An account: what it has, and for whom it votes, or through whom."""

    stake: Amount
    locked: Amount = 0
    votes: list[AccountName] = Field(default=[])
    proxy: AccountName | None = None
    is_proxy: bool = False


class Election(Strict):
    """An election as a file tells it; scheduled: producers of the schedule there is."""

    profile: str = "eosio"
    parameters: FioSpec = Field(default_factory=FioSpec)  # type: ignore[valid-type]
    scheduled: Annotated[int, Field(ge=0)] = 0
    candidates: list[AccountName | Candidate]
    accounts: dict[AccountName, Voting] = Field(default={})


def elect(written: object, profile: str = "") -> dict[str, object]:
    """Return who is elected by what a file tells, of the profile that it or the caller names.

    Raises:
        InspectError: what is written is no election, or the chain would refuse a vote.
    """
    if not isinstance(written, dict):
        raise InspectError("not an election; begin with `candidates:` and their names")
    said = written.get("profile", profile or "eosio")
    if profile and said != profile:
        raise InspectError(f"profile: the file says {said}, not {profile}; leave one out")
    check_profile(str(said), tuple(ELECTING))
    return ELECTING[str(said)](written)


def elect_producers(written: dict[object, object]) -> dict[str, object]:
    """Return who is elected on EOSIO, in order of turns, who stands by, in order of votes, and why.

    Raises:
        InspectError: what is written is no election, or the chain would refuse a vote.
    """
    told = _read(written)
    rules = msgspec.convert(rules_of(told.parameters, FioRules), FioRules)
    problem = rules.problem(0, frozenset(told.accounts))
    if problem is not None:
        raise InspectError(f"parameters: {problem}")
    state = _counted(told, rules)
    rows = state.rows(PRODUCERS)
    ranking, voted = rank(rows, rules.elected), state.get(VOTED, THE_ONE) or 0
    why = refusal(ranking, told.scheduled)
    problem = NOT_PROPOSED[why] if why else None
    if voted < rules.activation:
        problem = f"{voted} have voted, {rules.activation} must"
    return {
        "producers": list(ranking.by_name),
        "standby": list(ranking.standby),
        "tally": {name: rows[name].votes for name in sorted(rows, key=lambda n: rows[n].position)},
        "ties": [list(tied) for tied in ranking.ties],
        "reasons": _reasons(ranking, rows),
        "voted": voted,
        "proposed": problem is None,
        "not_proposed": problem,
    }


ELECTING: Mapping[str, Callable[[dict[object, object]], dict[str, object]]] = {
    "eosio": elect_producers,
    "bitshares": elect_both,
}
"""By profile, what counts an election there."""


def _read(written: dict[object, object]) -> Election:
    try:
        told = Election.model_validate(written)
    except ValidationError as error:
        raise InspectError(one_line(error)) from error
    names = [candidate.name for candidate in _candidates(told)]
    for name in names:
        if names.count(name) > 1:
            raise InspectError(f"candidates: {name} is there twice; keep one")
    for name, account in told.accounts.items():
        if account.votes and account.proxy is not None:
            raise InspectError(f"accounts.{name}: votes itself and through a proxy; keep one")
    return told


def _candidates(told: Election) -> list[Candidate]:
    return [Candidate(name=each) if isinstance(each, str) else each for each in told.candidates]


def _counted(told: Election, rules: FioRules) -> State:
    """Return the state after all have voted."""
    state = State(tables_of(TRANSACTION_RULES))
    state.open(1)
    block = OpenBlock(state, num=1, slot=1, time_ns=0)
    state.put(RULES, THE_ONE, rules)
    for position, candidate in enumerate(_candidates(told)):
        state.put(PRODUCERS, candidate.name, Producer(position=position, key=b""))
    for name, account in told.accounts.items():
        state.put(BALANCES, name, account.stake)
        if account.locked:
            state.put(LOCKS, name, account.locked)
    for name, account in told.accounts.items():
        if account.is_proxy:
            _do(block, RegisterProxy(account=name), f"{name}.is_proxy")
    for name, account in told.accounts.items():
        if account.votes:
            _do(block, VoteProducers(voter=name, producers=tuple(account.votes)), f"{name}.votes")
        if account.proxy is not None:
            _do(block, VoteProxy(voter=name, proxy=account.proxy), f"{name}.proxy")
    for candidate in _candidates(told):
        row = state.get(PRODUCERS, candidate.name)
        assert row is not None
        if not candidate.registered:
            state.put(PRODUCERS, candidate.name, msgspec.structs.replace(row, active=False))
    return state


def _do(block: OpenBlock, operation: Operation, key: str) -> None:
    """Do what an account asks for.

    Raises:
        InspectError: the chain refuses it; key is where it is written.
    """
    fault = operation.fault()
    if fault is not None:
        raise InspectError(f"accounts.{key}: the chain refuses it: {fault}")
    try:
        operation.apply(block)
    except TransactionRejected as error:
        raise InspectError(f"accounts.{key}: the chain refuses it: {error.reason}") from error


def _reasons(ranking: Ranking, rows: Mapping[str, Producer]) -> dict[str, str]:
    """Return why each candidate is elected or not, in order of rank."""
    reasons: dict[str, str] = {}
    for place, name in enumerate((*ranking.top, *ranking.standby), start=1):
        what = "elected" if name in ranking.top else "standby"
        votes = f"{rows[name].votes} votes{by_registration(name, ranking.ties)}"
        reasons[name] = f"{what}: place {place}, {votes}"
    words: dict[str, Any] = {"no_votes": "out: no votes", "unregistered": "out: not registered"}
    return reasons | {name: words[why] for name, why in ranking.out.items()}
