"""Votes, ties, proxies, thresholds and elections equal a recount of what was accepted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from node.chain.eosio.contracts.transfer import Transfer
from node.chain.genesis import Genesis
from node.chain.model.block import SignedBlock
from node.chain.model.fio_rules import VoteLock
from node.chain.model.operation import Operation
from tests.unit.node_chain.builders import blocks_of
from tests.unit.node_eosio.fio_world import (
    CANDIDATES,
    USERS,
    World,
    become_proxy,
    fio_genesis,
    pay,
    proxy,
    register,
    resign_proxy,
    unregister,
    vote,
)
from tests.unit.node_eosio.recount import Recount, kept

ANYBODY = st.sampled_from((*USERS, CANDIDATES[0]))
PRODUCERS = st.sampled_from(CANDIDATES)
VOTES = st.builds(
    lambda who, whom: vote(who, *whom),
    ANYBODY,
    st.lists(PRODUCERS, min_size=1, max_size=4, unique=True),
)
OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    VOTES,
    st.builds(vote, ANYBODY),
    st.builds(proxy, ANYBODY, ANYBODY),
    st.builds(become_proxy, ANYBODY),
    st.builds(resign_proxy, ANYBODY),
    st.builds(lambda who, url: register(who, url=url), PRODUCERS, st.sampled_from(("", "x"))),
    st.builds(unregister, PRODUCERS),
    st.builds(lambda who, by: pay(who, "usera", by=by), ANYBODY, ANYBODY),
    st.builds(
        lambda sender, recipient, amount: Transfer(
            sender=sender, recipient=recipient, amount=amount
        ),
        ANYBODY,
        ANYBODY,
        st.sampled_from((1, 100, 600, 1000)),
    ),
)
STEPS = st.lists(
    st.one_of(
        st.lists(OPERATIONS, min_size=1, max_size=2),
        st.builds(lambda operation: [operation], VOTES),
        st.builds(lambda operation: [operation], OPERATIONS),
        st.integers(1, 4),
    ),
    min_size=30,
    max_size=60,
)
LOCKS = st.lists(
    st.builds(
        VoteLock,
        account=ANYBODY,
        amount=st.sampled_from((1, 500, 1000, 1001)),
        can_vote=st.booleans(),
    ),
    max_size=3,
    unique_by=lambda lock: lock.account,
)


@st.composite
def geneses(draw: st.DrawFn) -> Genesis:
    """Return a genesis of three registered producers, with rules that differ."""
    initial = draw(st.sampled_from(("full", "system", "system")))
    return fio_genesis(
        producers=3,
        initial=initial,
        elected=draw(st.integers(3, 5) if initial == "full" else st.integers(1, 3)),
        votes=draw(st.integers(2, 4)),
        activation=draw(st.sampled_from((1, 1, 1000, 2500))),
        schedule_check_slots=draw(st.sampled_from((0, 0, 2, 7))),
        locks=draw(LOCKS),
    )


def allowed(said: Recount, operation: Any) -> bool:
    """Return whether the rules allow an operation after what was said."""
    own = said.said.get(operation.authority)
    is_proxy = own is not None and own.is_proxy
    match type(operation).__name__:
        case "Transfer":
            return said.owned[operation.sender] >= int(operation.amount)
        case "TransferTokens":
            return said.owned[operation.actor] >= int(operation.amount)
        case "VoteProducers":
            names = operation.producers
            stand = [name for name in names if name in said.candidates]
            fit = len(set(names)) == len(names) <= said.rules.votes
            return fit and stand == list(names) and all(said.candidates[n].stands for n in names)
        case "VoteProxy":
            other = said.said.get(operation.proxy)
            return other is not None and other.is_proxy and not is_proxy
        case "RegisterProxy":
            return not is_proxy
        case "RegisterProducer":
            known = said.candidates.get(operation.producer)
            same = known is not None and (known.key, known.url) == (operation.key, operation.url)
            return known is None or not known.stands or not same
        case "UnregisterProducer":
            return operation.producer in said.candidates
    return True


@dataclass
class Played:
    """A world, its blocks, and what was accepted after them; mutable."""

    world: World
    blocks: list[SignedBlock] = field(default_factory=list)
    queued: list[Operation] = field(default_factory=list)
    tries: int = 0

    def recount(self) -> Recount:
        """Return a recount of the blocks."""
        return Recount(self.world.genesis).read(self.blocks)

    def offer(self, operations: list[Operation]) -> None:
        """Offer one transaction: it is accepted just when all it says is allowed in turn."""
        said = self.recount()
        said.take(self.queued)
        right = True
        for operation in operations:
            right = right and allowed(said, operation)
            if right:
                said.one(operation)
        self.tries += 1  # Another life for each, or it would be a duplicate.
        refused = self.world.do(*operations, lives_s=60 + self.tries)
        assert (refused == "") is right, refused
        if right:
            self.queued += operations

    def run(self, slots: int) -> None:
        """Let slots pass; after each the rows are what a recount says."""
        for _ in range(slots):
            self.blocks += blocks_of(self.world.run())
            self.queued.clear()
            expected = self.recount().rows()
            image = self.world.chain._ledger.image(self.world.chain.head.num)
            assert kept(image.tables, expected) == expected  # type: ignore[arg-type]


@settings(max_examples=60)
@given(genesis=geneses(), steps=STEPS)
def test_votes_and_elections_are_what_a_recount_of_what_was_accepted_says(
    genesis: Genesis, steps: list[list[Operation] | int]
) -> None:
    played = Played(World(genesis))
    for step in steps:
        if isinstance(step, int):
            played.run(step)
        else:
            played.offer(step)
    played.run(10)
