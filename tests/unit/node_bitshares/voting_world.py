"""A BitShares chain whose accounts vote: accounts with stakes, who may all be candidates."""

from __future__ import annotations

from random import Random
from typing import Any

from node.chain.bitshares.contracts.transfer import Transfer
from node.chain.bitshares.contracts.voting.create_committee_member import CreateCommitteeMember
from node.chain.bitshares.contracts.voting.create_witness import CreateWitness
from node.chain.bitshares.contracts.voting.update_witness import UpdateWitness
from node.chain.bitshares.contracts.voting.vote import Vote
from node.chain.encoding.crypto import public_key
from node.chain.genesis import Genesis
from node.chain.model.bitshares_rules import VotingRules
from node.chain.model.messages import Effect
from node.chain.model.operation import Operation
from tests.unit.node_bitshares.world import bitshares_genesis
from tests.unit.node_chain.builders import accounts, make_genesis, producer_names, secret
from tests.unit.node_chain.lone import Lone

USERS = ("usera", "userb", "userc", "userd")
NAMES = producer_names(3)
CANDIDATES = producer_names(6)
EVERY_S = 5
"""From maintenance to maintenance."""


def voting_genesis(
    *, producers: int = 3, balances: dict[str, int] | None = None, skip: int = 0,
    more: dict[str, Any] | None = None, **voting: Any,
) -> Genesis:  # fmt: skip
    """Return a genesis in which six candidates are accounts, of whom the first produce.

    Users own 1,000 and candidates 100 each, and maintenance comes each 5 s, unless said otherwise.
    """
    owned = {**dict.fromkeys(USERS, 1000), **dict.fromkeys(CANDIDATES, 100), **(balances or {})}
    like = bitshares_genesis(
        producers, maintenance_interval_s=EVERY_S, maintenance_skip_slots=skip,
        voting=VotingRules(**voting), **(more or {}),
    )  # fmt: skip
    return make_genesis(
        producers, 1, profile="bitshares", slot_ns=like.slot_ns, initial_slot=like.initial_slot,
        bitshares=like.bitshares, accounts=accounts(dict(sorted(owned.items()))),
    )  # fmt: skip


class World(Lone):
    """One chain that signs for everybody, second after second."""

    def __init__(self, genesis: Genesis | None = None) -> None:
        super().__init__(voting_genesis() if genesis is None else genesis, CANDIDATES)

    def maintained(self) -> list[Effect]:
        """Let time pass up to the next maintenance block; return what the chain did."""
        effects = self.run()
        while not self.state.is_maintenance:
            effects += self.run()
        return effects

    @property
    def state(self) -> Any:
        """Return the header state at the head."""
        return self.chain._fork_db.head.state

    @property
    def active(self) -> list[str]:
        """Return the active witnesses by id."""
        return [self.state.rules.name_of(number) for number in self.state.active]


def vote(voter: str, *witnesses: str, want: int | None = None, **more: Any) -> Vote:
    """Return a vote for witnesses, by which so many are enough: as many, unless said."""
    count = len(witnesses) if want is None else want
    return Vote(account=voter, witnesses=witnesses, num_witness=count, **more)


def proxy(voter: str, whom: str) -> Vote:
    """Return the choice of a proxy."""
    return Vote(account=voter, proxy=whom)


def stand(account: str, *, key_of: str = "") -> CreateWitness:
    """Return a witness's registration, with its own key or another's."""
    return CreateWitness(account=account, key=public_key(secret(key_of or account)))


def change_key(account: str, owner: str) -> UpdateWitness:
    """Return the change of a witness's key to another's."""
    return UpdateWitness(account=account, key=public_key(secret(owner)))


def join(account: str) -> CreateCommitteeMember:
    """Return a candidate's registration for the committee."""
    return CreateCommitteeMember(account=account)


def drawn(rng: Random, users: tuple[str, ...] = USERS) -> Operation:
    """Return any of these, most of them votes for the first four candidates."""
    user, other = rng.choice(users), rng.choice(users)
    match rng.randrange(12):
        case 0:
            return stand(rng.choice(CANDIDATES[2:5]))
        case 1:
            return join(rng.choice(CANDIDATES[2:5]))
        case 2:
            return change_key(rng.choice(CANDIDATES[:4]), rng.choice(CANDIDATES))
        case 3 | 4 if user != other:
            return proxy(user, other)
        case 5:
            return Transfer(sender=user, recipient=other, amount=rng.choice((1, 300)))
    witnesses = rng.sample(CANDIDATES[:4], rng.choice((0, 1, 2, 3, 3, 4)))
    members = tuple(rng.sample(CANDIDATES[:4], rng.choice((0, 1, 1, 3))))
    return vote(
        user, *witnesses, want=rng.randint(0, len(witnesses)), committee=members,
        num_committee=rng.randint(0, len(members)),
    )  # fmt: skip
