"""Supply is conserved to the unit, on every branch: random histories with switches of branches."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.chain import notices
from node.chain.chain import Chain
from node.chain.eosio.contracts.fees.add_bundles import AddBundles
from node.chain.eosio.contracts.fees.bundle_vote import BundleVote
from node.chain.eosio.contracts.fees.compute_fees import ComputeFees
from node.chain.eosio.contracts.fees.median import MULTIPLIER_UNIT
from node.chain.eosio.contracts.fees.set_fee_multiplier import SetFeeMultiplier
from node.chain.eosio.contracts.fees.set_fee_votes import FeeValue, SetFeeVotes
from node.chain.eosio.contracts.fees.transfer_tokens import TransferTokens
from node.chain.eosio.contracts.pay.claim import Claim
from node.chain.eosio.contracts.pay.technology_provider_claim import TechnologyProviderClaim
from node.chain.ledger.accounts import BALANCES
from node.chain.model.block import SignedBlock
from node.chain.model.operation import Operation
from node.events import Paid
from tests.unit.node_chain.builders import blocks_of, make_chain, of_kind, receive
from tests.unit.node_eosio.fio_world import (
    CANDIDATES,
    NAMES,
    USERS,
    World,
    register,
    unregister,
    vote,
)
from tests.unit.node_eosio.money import (
    HOUR_SLOTS,
    PAY,
    first_supply,
    is_conserved,
    minted,
    money_world,
    state_of,
    treasury,
)

FEES = {"transfer": 10, "vote": 3, "add_bundles": 40, "set_fee_multiplier": 2, "register": 5}
RULES: dict[str, Any] = {
    "fees": FEES,
    "bounty_cap": 40,
    "bundle_units": 1,
    "median_votes": 1,
    "multiplier_pause_s": 0,
    "fee_vote_pause_s": 0,
    "pay": msgspec.structs.replace(
        PAY,
        claim_pause_s=60,
        schedule_age_s=3601,
        schedule_step_s=3600,
        provider_least=5,
        foundation_account="userd",
    ),
}
PROVIDERS = ("", "userc@lab", "producera@lab", "nobody@lab")

registered = st.sampled_from(NAMES)
users, candidates = st.sampled_from(USERS), st.sampled_from(CANDIDATES)
OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(
        TransferTokens,
        payee=st.one_of(users, candidates),
        amount=st.integers(1, 400),
        actor=st.one_of(users, candidates),
        tpid=st.sampled_from(PROVIDERS),
    ),
    st.builds(
        AddBundles,
        fio_address=st.sampled_from(PROVIDERS[1:]),
        bundle_sets=st.integers(1, 2),
        tpid=st.sampled_from(PROVIDERS),
        actor=users,
    ),
    st.builds(lambda who, whom: vote(who, *whom), users, st.lists(candidates, unique=True)),
    st.builds(register, candidates),
    st.builds(unregister, candidates),
    st.builds(Claim, producer=registered, actor=users),
    st.builds(Claim, producer=registered, actor=users),
    st.builds(TechnologyProviderClaim, actor=users),
    st.builds(SetFeeMultiplier, multiplier=st.just(MULTIPLIER_UNIT), actor=registered),
    st.builds(
        lambda who, name, value: SetFeeVotes(
            fee_values=(FeeValue(end_point=name, value=value),), actor=who
        ),
        registered,
        st.sampled_from(sorted(FEES)),
        st.integers(0, 60),
    ),
    st.builds(BundleVote, bundled_transactions=st.integers(1, 5), actor=registered),
    st.builds(ComputeFees, actor=users),
)
BLOCKS = st.lists(
    st.tuples(
        st.sampled_from((1, 130, 130, HOUR_SLOTS + 2)),
        st.lists(OPERATIONS, min_size=1, max_size=5),
        st.sampled_from((0, 0, 0, 1, 3)),
    ),
    min_size=5,
    max_size=12,
)


class Pair:
    """Two chains of one genesis, the second of which follows until it makes a branch of its own.

    blocks: all that either made, by id.
    """

    def __init__(self) -> None:
        self.world = money_world(**RULES)
        self.rival = money_world(**RULES)
        self.blocks: dict[bytes, SignedBlock] = {}

    def run(self, slots: int = 1) -> None:
        """Let slots pass; the rival follows."""
        for block in self._made(self.world, slots):
            receive(self.rival.chain, block)

    def part(self, operations: list[Operation], depth: int) -> None:
        """Let the world make some blocks and the rival more, until the world leaves its own."""
        for n in range(depth):
            submit_all(self.world, operations, lives_s=70 + n)
            self._made(self.world, 1)
        assert is_conserved(self.world.chain, self.world.genesis)
        assert self.world.chain.head != self.rival.chain.head
        self.rival.slot = self.world.slot
        submit_all(self.rival, operations[::-1], lives_s=80)
        for _ in range(30):
            for block in self._made(self.rival, 1):
                receive(self.world.chain, block)
            if self.world.chain.head == self.rival.chain.head:
                break
        self.world.slot = self.rival.slot

    def check(self) -> None:
        """All money is somewhere, and both have the same state."""
        assert self.world.chain.head == self.rival.chain.head
        assert self.world.chain.state_digest == self.rival.chain.state_digest
        for each in (self.world, self.rival):
            assert is_conserved(each.chain, each.genesis)
            told = notices.supply(each.chain.snapshot()(), each.chain.contracts)
            assert sum(told.held.values()) == first_supply(each.genesis) + told.issued

    def replayed(self) -> Chain:
        """Return a fresh chain that was given the branch of the head, block after block."""
        branch = []
        found = self.blocks.get(self.world.chain.head.id)
        while found is not None:
            branch.append(found)
            found = self.blocks.get(found.header.previous)
        fresh = make_chain(self.world.genesis)
        for block in reversed(branch):
            receive(fresh, block)
        return fresh

    def _made(self, world: World, slots: int) -> list[SignedBlock]:
        made = blocks_of(world.run(slots))
        self.blocks |= {block.id: block for block in made}
        return made


def submit_all(world: World, operations: list[Operation], *, lives_s: int) -> None:
    """Submit each in a transaction of its own, whatever the chain says to that."""
    for n, operation in enumerate(operations):
        world.do(operation, lives_s=lives_s + n)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(BLOCKS)
def test_whatever_happens_and_is_undone_all_money_is_somewhere(
    blocks: list[tuple[int, list[Operation], int]],
) -> None:
    pair = Pair()
    assert pair.world.do(vote("usera", *NAMES)) == ""
    pair.run(6)
    for n, (slots, operations, depth) in enumerate(blocks):
        pair.world.slot += slots - 1
        pair.run()
        submit_all(pair.world, operations, lives_s=90 + n)
        pair.run()
        if depth:
            pair.part(operations, depth)
        pair.check()
    assert pair.replayed().state_digest == pair.world.chain.state_digest


def test_a_switch_of_branches_takes_pay_and_minting_back() -> None:
    pair = Pair()
    assert pair.world.do(vote("usera", *NAMES)) == ""
    pair.run(6)
    before = (treasury(pair.world.chain), dict(state_of(pair.world.chain).rows(BALANCES)))
    assert pair.world.do(Claim(producer=NAMES[0], actor="usera")) == ""
    (paid,) = of_kind(pair.world.run(), Paid)[-1:]
    assert paid.what == "producer"
    assert minted(pair.world.chain) > 0
    for _ in range(8):
        pair.rival.slot += 1
    while pair.world.chain.head != pair.rival.chain.head:
        for block in blocks_of(pair.rival.run()):
            receive(pair.world.chain, block)
    after = (treasury(pair.world.chain), dict(state_of(pair.world.chain).rows(BALANCES)))
    assert after == before
    assert len(pair.world.chain.mempool) == 1, "the claim waits again"
    pair.world.slot = pair.rival.slot
    told = of_kind(pair.world.run(), Paid)
    assert [(each.account, each.amount) for each in told if each.what == "producer"] == [
        (paid.account, paid.amount)
    ]
