"""A chain with FIO's delegation: accounts with stakes, who may all be producers, and elections."""

from __future__ import annotations

from random import Random
from typing import Any

from node.chain.chain import Chain
from node.chain.encoding.crypto import public_key
from node.chain.eosio.contracts.fees.transfer_tokens import TransferTokens
from node.chain.eosio.contracts.voting.register_producer import RegisterProducer
from node.chain.eosio.contracts.voting.register_proxy import RegisterProxy
from node.chain.eosio.contracts.voting.rows import (
    ELECTION,
    PRODUCERS,
    THE_ONE,
    VOTERS,
    Election,
    Producer,
    Voter,
)
from node.chain.eosio.contracts.voting.unregister_producer import UnregisterProducer
from node.chain.eosio.contracts.voting.unregister_proxy import UnregisterProxy
from node.chain.eosio.contracts.voting.vote_producers import VoteProducers
from node.chain.eosio.contracts.voting.vote_proxy import VoteProxy
from node.chain.genesis import Genesis
from node.chain.model.fio_rules import FioRules
from node.chain.model.operation import Operation
from tests.unit.node_chain.builders import accounts, make_genesis, producer_names, secret
from tests.unit.node_chain.lone import Lone

USERS = ("usera", "userb", "userc", "userd")
NAMES = producer_names(4)
CANDIDATES = producer_names(6)


def fio_genesis(
    *, balances: dict[str, int] | None = None, producers: int = 4, **rules: Any
) -> Genesis:
    """Return a genesis whose producers are registered; two more accounts can register.

    Users own 1,000 and candidates 100 each, 1 vote is enough to elect, and a check comes after 4
    slots, unless balances and rules say otherwise.
    """
    owned = {**dict.fromkeys(USERS, 1000), **dict.fromkeys(CANDIDATES, 100), **(balances or {})}
    defaults: dict[str, Any] = {"elected": 4, "activation": 1, "schedule_check_slots": 4}
    fio = FioRules(**{**defaults, **rules})
    return make_genesis(producers, accounts=accounts(dict(sorted(owned.items()))), fio=fio)


class World(Lone):
    """One chain that signs for everybody, slot after slot."""

    def __init__(self, genesis: Genesis | None = None) -> None:
        super().__init__(fio_genesis() if genesis is None else genesis, CANDIDATES)

    def producer(self, name: str) -> Producer:
        """Return a producer's row at the head."""
        return row_of(self.chain, name)

    def votes(self) -> dict[str, int]:
        """Return the votes of whoever has any."""
        rows = {name: self.chain._ledger.row(PRODUCERS, name) for name in CANDIDATES}
        return {name: row.votes for name, row in rows.items() if row is not None and row.votes}

    def voter(self, name: str) -> Voter | None:
        """Return a voter's row at the head."""
        return self.chain._ledger.row(VOTERS, name)

    @property
    def election(self) -> Election:
        """Return the row of the last election."""
        row = self.chain._ledger.row(ELECTION, THE_ONE)
        assert row is not None
        return row


def row_of(chain: Chain, name: str) -> Producer:
    """Return a producer's row at the chain's head."""
    row = chain._ledger.row(PRODUCERS, name)
    assert row is not None
    return row


def vote(voter: str, *producers: str) -> VoteProducers:
    """Return a vote."""
    return VoteProducers(voter=voter, producers=producers)


def proxy(voter: str, whom: str) -> VoteProxy:
    """Return the choice of a proxy."""
    return VoteProxy(voter=voter, proxy=whom)


def become_proxy(account: str) -> RegisterProxy:
    """Return a proxy's registration."""
    return RegisterProxy(account=account)


def resign_proxy(account: str) -> UnregisterProxy:
    """Return a proxy's resignation."""
    return UnregisterProxy(account=account)


def register(producer: str, *, key_of: str = "", url: str = "") -> RegisterProducer:
    """Return a producer's registration, with its own key or another's."""
    key = public_key(secret(key_of or producer))
    return RegisterProducer(producer=producer, key=key, url=url)


def unregister(producer: str) -> UnregisterProducer:
    """Return a producer's withdrawal."""
    return UnregisterProducer(producer=producer)


def pay(sender: str, recipient: str, amount: int = 1, *, by: str = "") -> TransferTokens:
    """Return a transfer by a technology provider: that account, by its address."""
    tpid = f"{by}@lab" if by else ""
    return TransferTokens(actor=sender, payee=recipient, amount=amount, tpid=tpid)


def drawn(rng: Random) -> Operation:
    """Return any of these, most of them votes for the first four candidates."""
    user, other = rng.choice(USERS), rng.choice(USERS[:2])
    match rng.randrange(13):
        case 0:
            return become_proxy(other)
        case 1:
            return proxy(user, other)
        case 2:
            return resign_proxy(user)
        case 3 | 4:
            return register(rng.choice(CANDIDATES[2:4]), url=rng.choice(("", "", "x")))
        case 5:
            return unregister(rng.choice(CANDIDATES[2:5]))
        case 6:
            return pay(user, user, by=other)
    return vote(user, *rng.sample(CANDIDATES[:4], rng.choice((0, 1, 2, 3, 3, 3, 4))))
