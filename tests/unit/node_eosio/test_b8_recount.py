"""Random histories of fees, votes and claims pay what a recount pays, purse by purse."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.chain.eosio.contracts.fees.add_bundles import AddBundles
from node.chain.eosio.contracts.fees.transfer_tokens import TransferTokens
from node.chain.eosio.contracts.pay.claim import Claim
from node.chain.eosio.contracts.pay.technology_provider_claim import TechnologyProviderClaim
from node.chain.eosio.contracts.voting.rows import PRODUCERS
from node.chain.ledger.accounts import BALANCES
from node.chain.model.operation import Operation
from tests.unit.node_eosio.fio_world import CANDIDATES, World, register, unregister, vote
from tests.unit.node_eosio.money import (
    HOUR_SLOTS,
    PAY,
    is_conserved,
    money_world,
    owed,
    state_of,
    treasury,
    waiting,
)
from tests.unit.node_eosio.second_pay import Known, SecondPay

FOUNDATION = "userd"
FEES = {"transfer": 40, "add_bundles": 30}
RULES = msgspec.structs.replace(
    PAY, paid=4, active=3, bucket_parts=3, provider_least=30, foundation_account=FOUNDATION
)
SLOTS = st.sampled_from((1, 1, 1, 60, HOUR_SLOTS, 4 * HOUR_SLOTS, 24 * HOUR_SLOTS))

candidates = st.sampled_from(CANDIDATES)
providers = st.sampled_from(("", "userb@lab", "producera@lab"))
claims = st.builds(Claim, producer=candidates, actor=st.just("usera"))
OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    claims,
    claims,
    claims,
    st.builds(
        TransferTokens,
        payee=candidates,
        amount=st.integers(1, 60),
        actor=st.just("userb"),
        tpid=providers,
    ),
    st.builds(
        AddBundles,
        fio_address=st.just("usera@lab"),
        bundle_sets=st.just(1),
        actor=st.just("userb"),
        tpid=providers,
    ),
    st.builds(TechnologyProviderClaim, actor=st.just("usera")),
    st.builds(lambda whom: vote("userc", whom), candidates),
    st.builds(register, candidates),
    st.builds(unregister, candidates),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(SLOTS, OPERATIONS), max_size=25))
def test_a_random_history_pays_what_a_recount_pays(steps: list[tuple[int, Operation]]) -> None:
    world = money_world(FEES, pay=RULES, bounty_cap=100)
    assert world.do(vote("userc", "producera")) == ""
    world.run(2)
    assert world.genesis.fio is not None
    second = SecondPay(world.genesis.fio, Counter(dict(state_of(world.chain).rows(BALANCES))))
    for n, (slots, operation) in enumerate(steps):
        world.slot += slots - 1
        world.run()
        world.run(world.slot % 2)  # admitted and in a block within one second
        now_s = world.chain.slot_clock.time_ns(world.slot + 1) // 10**9
        known = known_to(world)
        refused = world.do(operation, lives_s=60 + n)
        recount(second, operation, refused, now_s, known)
        world.run()
        assert purses(world) == +second.money
        assert waiting(world.chain) == second.list_
        assert is_conserved(world.chain, world.genesis)


def recount(
    second: SecondPay, operation: Operation, refused: str, now_s: int, known: Known
) -> None:
    """Do the same a second time; what is refused of claims must be refused here, too."""
    match operation:
        case Claim(producer=name):
            assert refused == second.claim(now_s, name, known)
        case TechnologyProviderClaim():
            assert refused == second.claim_for_providers(now_s)
        case TransferTokens(payee=name, amount=amount, tpid=tpid) if not refused:
            second.fee("userb", FEES["transfer"], tpid)
            second.money.subtract({"userb": amount, name: -amount})
        case AddBundles(tpid=tpid) if not refused:
            second.fee("userb", FEES["add_bundles"], tpid, into="@bucket")
        case _:
            pass


def known_to(world: World) -> Known:
    """Return the producers (name, active, votes) in order of registration."""
    rows = sorted(state_of(world.chain).rows(PRODUCERS).items(), key=lambda item: item[1].position)
    return [(name, row.active, row.votes) for name, row in rows]


def purses(world: World) -> Counter[str]:
    """Return who and what has how much: accounts, pots and providers that wait."""
    held = treasury(world.chain)
    found = Counter(dict(state_of(world.chain).rows(BALANCES)))
    found["@pot"], found["@bucket"] = held.producers, held.bucket
    found["@foundation"], found["@staking"] = held.foundation, held.staking
    return +(found + Counter(owed(world.chain)))
