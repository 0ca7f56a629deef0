"""What votes weigh: the balance of whoever gives them, wherever it goes (PROTOCOL B.1 to B.3)."""

from collections.abc import Mapping

from msgspec.structs import replace

from node.chain.eosio.contracts.voting.rows import LOCKS, PRODUCERS, THE_ONE, VOTED, VOTERS, Voter
from node.chain.ledger.accounts import BALANCES
from node.chain.model.operation import OpenBlock
from node.chain.state.state import State


def votable(balance: int, locked: int) -> int:
    """Return how much of a balance votes; one that is all locked does with all of it.

    Source: fio.contracts contracts/fio.system/src/voting.cpp, get_votable_balance.
    """
    return balance - locked if balance > locked else balance


def own_weight(state: State, account: str) -> int:
    """Return how much of an account's balance votes."""
    return votable(state.get(BALANCES, account) or 0, state.get(LOCKS, account) or 0)


def choose(block: OpenBlock, account: str, chosen: Voter) -> Voter:
    """Let an account vote as chosen says; return its row, with the weight of now.

    What it weighed before is taken from whom it voted for, or from its proxy, and what it weighs
    now is given to whom it votes for. Whoever is given something and is no proxy forwards nothing.

    Source: fio.contracts contracts/fio.system/src/voting.cpp, update_votes and
    propagate_weight_change, without their doubles and their smallest change.
    """
    state = block.state
    known = state.get(VOTERS, account)
    before = known or Voter()
    proxied = chosen.proxied if chosen.is_proxy else 0
    after = replace(chosen, weight=own_weight(state, account) + proxied)
    if after != known:
        state.put(VOTERS, account, after)
        _move(block, before, after)
    return after


def follow(block: OpenBlock) -> None:
    """Let the weights of voters follow the balances that the transaction at hand changed."""
    for account in sorted(block.touched):
        row = block.state.get(VOTERS, account)
        if row is not None:
            choose(block, account, row)


def _move(block: OpenBlock, before: Voter, after: Voter) -> None:
    """Take away before's weight and give after's."""
    producers: dict[str, int] = {}
    proxies: dict[str, int] = {}
    voted = 0
    for voter, weight in ((before, -before.weight), (after, after.weight)):
        for producer in voter.producers:
            producers[producer] = producers.get(producer, 0) + weight
        if voter.producers:
            voted += weight
        if voter.proxy:
            proxies[voter.proxy] = proxies.get(voter.proxy, 0) + weight
    _give(block.state, producers, voted)
    for proxy, change in proxies.items():
        row = block.state.get(VOTERS, proxy)
        assert row is not None
        if change:
            # Ends: whoever takes a proxy is none, so no weight comes back to where it left.
            choose(block, proxy, replace(row, proxied=row.proxied + change))


def _give(state: State, producers: Mapping[str, int], voted: int) -> None:
    for name, change in producers.items():
        row = state.get(PRODUCERS, name)
        assert row is not None
        if change:
            state.put(PRODUCERS, name, replace(row, votes=row.votes + change))
    if voted:
        state.put(VOTED, THE_ONE, (state.get(VOTED, THE_ONE) or 0) + voted)
