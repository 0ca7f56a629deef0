"""C.11: votes, numbers, ties, proxies and the committee's weights equal a naive recount."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from node.chain.genesis import Genesis
from tests.unit.node_bitshares.recount import Recount, kept
from tests.unit.node_bitshares.voting_world import (
    EVERY_S,
    NAMES,
    USERS,
    World,
    drawn,
    voting_genesis,
)

COUNTS = st.sampled_from((None, 1, 3, 5))
STAKES = st.sampled_from((0, 1, 2, 3, 999, 1000, 1 << 40))


@st.composite
def geneses(draw: st.DrawFn) -> Genesis:
    """Return a genesis of three witnesses, with rules that differ."""
    decays = draw(st.booleans())
    return voting_genesis(
        producers=len(NAMES),
        balances={user: draw(STAKES) for user in USERS},
        min_witness_count=draw(COUNTS),
        min_committee_count=draw(COUNTS),
        max_witness_count=draw(st.sampled_from((1001, 4, 3))),
        count_tie=draw(st.sampled_from(("graphene", "seed"))),
        delegate_count_rule=draw(st.sampled_from(("vote_number", "vote_number", "top75"))),
        top75_for=draw(st.sampled_from(("committee", "both"))),
        min_delegates=draw(st.integers(1, 3)),
        proxy_depth=draw(st.integers(0, 3)),
        full_vote_s=draw(st.integers(0, 12)) if decays else None,
        decay_step_s=draw(st.integers(1, 4)),
        committee=draw(st.sampled_from(([], ["userb"], ["userc", "usera", "producerb"]))),
    )


@settings(max_examples=60)
@given(genesis=geneses(), seed=st.integers(0, 1 << 32), rounds=st.integers(2, 6))
def test_who_is_elected_is_what_a_recount_of_what_was_accepted_says(
    genesis: Genesis, seed: int, rounds: int
) -> None:
    world, rng = World(genesis), Random(seed)
    world.run(2)
    for _ in range(rounds):
        for _ in range(rng.randint(0, 6)):
            world.do(drawn(rng), lives_s=rng.randint(30, 999))
        world.run(EVERY_S)
        tables: Any = world.tables
        assert kept(tables) == Recount(genesis).read(world.blocks).rows()
        assert sum(tables["balances"].values()) == sum(a.balance for a in genesis.accounts)
