"""What votes weigh: the balance of whoever gives them, wherever it goes (PROTOCOL B.1 to B.3)."""

from collections import Counter

from msgspec.structs import replace

from node.chain.eosio.contracts.voting.rows import LOCKS, PRODUCERS, THE_ONE, VOTED, VOTERS, Voter
from node.chain.ledger.accounts import BALANCES
from node.chain.model.operation import OpenBlock
from node.chain.state.state import State


def votable(balance: int, locked: int) -> int:
    """Return how much of a balance votes: what is not locked, or all of one that is all locked.

    Source: fio.contracts contracts/fio.system/src/voting.cpp, get_votable_balance.
    """
    return balance - locked if balance > locked else balance


def own_weight(state: State, account: str) -> int:
    """Return how much of an account's balance votes."""
    return votable(state.get(BALANCES, account) or 0, state.get(LOCKS, account) or 0)


def choose(block: OpenBlock, account: str, chosen: Voter) -> Voter:
    """Let an account vote as chosen says; return its row, with the weight of now.

    What it weighed before is taken from whom it voted for, or from its proxy, and what it weighs
    now is given to whom it votes for.

    Source: fio.contracts contracts/fio.system/src/voting.cpp, update_votes and
    propagate_weight_change, without their floating point and their smallest change.
    """
    state = block.state
    known = state.get(VOTERS, account)
    before = known or Voter()
    proxied = chosen.proxied if chosen.is_proxy else 0
    after = replace(chosen, weight=own_weight(state, account) + proxied)
    if after != known:
        state.put(VOTERS, account, after)
        _move(state, before, after)
    return after


def follow(block: OpenBlock) -> None:
    """Let the weights of voters follow the balances that the transaction at hand changed."""
    for account in sorted(block.touched):
        row = block.state.get(VOTERS, account)
        if row is not None:
            choose(block, account, row)


def _move(state: State, before: Voter, after: Voter) -> None:
    """Take away before's weight and give after's, to a proxy and through it to its producers.

    An account that is a proxy no longer keeps what it was given, and forwards nothing. A proxy has
    no proxy itself, so a weight goes no further than to the producers for whom the proxy votes.
    """
    votes: Counter[str] = Counter()
    given: Counter[str] = Counter()
    voted = 0
    for voter, weight in ((before, -before.weight), (after, after.weight)):
        voted += _add(votes, voter, weight)
        if voter.proxy:
            given[voter.proxy] += weight
    for name, change in given.items():
        proxy = state.get(VOTERS, name)
        assert proxy is not None
        counted = change if proxy.is_proxy else 0
        row = replace(proxy, proxied=proxy.proxied + change, weight=proxy.weight + counted)
        state.put(VOTERS, name, row)
        voted += _add(votes, proxy, counted)
    for name, change in votes.items():
        producer = state.get(PRODUCERS, name)
        assert producer is not None
        state.put(PRODUCERS, name, replace(producer, votes=producer.votes + change))
    state.put(VOTED, THE_ONE, (state.get(VOTED, THE_ONE) or 0) + voted)


def _add(votes: Counter[str], voter: Voter, weight: int) -> int:
    """Add weight to each producer of a voter; return what that adds to all that voted."""
    for name in voter.producers:
        votes[name] += weight
    return weight if voter.producers else 0
