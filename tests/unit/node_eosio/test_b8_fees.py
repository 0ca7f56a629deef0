"""What operations cost on a chain: who pays, with what, how much at most, and where it goes."""

from __future__ import annotations

from collections import Counter

import pytest

from node.chain.encoding.written import by_word
from node.chain.eosio.contracts.fees.add_bundles import AddBundles
from node.chain.eosio.contracts.fees.bundle_vote import BundleVote
from node.chain.eosio.contracts.fees.compute_fees import ComputeFees
from node.chain.eosio.contracts.fees.endpoints import ENDPOINTS
from node.chain.eosio.contracts.fees.rows import Treasury
from node.chain.eosio.contracts.fees.set_fee_multiplier import SetFeeMultiplier
from node.chain.eosio.contracts.fees.set_fee_votes import SetFeeVotes
from node.chain.eosio.contracts.fees.transfer_tokens import TransferTokens
from node.chain.eosio.contracts.operations import OPERATIONS
from node.chain.eosio.contracts.pay.claim import Claim
from node.chain.eosio.contracts.pay.technology_provider_claim import TechnologyProviderClaim
from node.chain.eosio.contracts.transfer import Transfer
from node.chain.ledger.fees_paid import FEES_PAID
from node.chain.model.errors import GenesisError, Reason
from node.chain.profiles import build
from node.events import FeesPaid, Txs
from tests.unit.node_chain.builders import make_chain, make_genesis, of_kind, signed, submit
from tests.unit.node_eosio.fio_world import World, proxy, register, vote
from tests.unit.node_eosio.money import is_conserved, money_world, owed, state_of, treasury, units

PROVIDER = "userd@lab"


def tokens(amount: int, *, tpid: str = "", max_fee: int = 10**6) -> TransferTokens:
    return TransferTokens(payee="userb", amount=amount, max_fee=max_fee, actor="usera", tpid=tpid)


def after(world: World, *operations: object) -> World:
    assert world.do(*operations) == ""  # type: ignore[arg-type]
    world.run()
    assert is_conserved(world.chain, world.genesis)
    return world


def balance(world: World, account: str) -> int:
    return world.chain._ledger.balance(account)


def test_a_fee_is_paid_by_the_authority_and_split() -> None:
    world = after(money_world({"transfer": 100}), tokens(10))
    assert (balance(world, "usera"), balance(world, "userb")) == (890, 1010)
    assert treasury(world.chain) == Treasury(producers=70, foundation=5, staking=25, staking_new=25)


def test_with_each_check_of_the_schedule_a_block_tells_what_each_account_paid() -> None:
    world = money_world({"transfer": 100, "vote": 7}, activation=1)
    after(world, vote("userb", "producera"), tokens(10), tokens(11))
    world.run(9)
    told: Counter[str] = Counter()
    for one in of_kind(world.log, FeesPaid):
        told.update(one.by_account)
    assert dict(told) == {"usera": 200, "userb": 7}
    assert not state_of(world.chain).rows(FEES_PAID)
    assert not of_kind(world.run(5), FeesPaid)


def test_a_provider_has_a_tenth_and_a_minted_bounty_until_its_cap() -> None:
    world = money_world({"transfer": 100}, bounty_cap=60)
    after(world, tokens(1, tpid=PROVIDER))
    assert owed(world.chain) == {PROVIDER: 50}
    after(world, tokens(2, tpid=PROVIDER))
    after(world, tokens(3, tpid=PROVIDER))
    assert owed(world.chain) == {PROVIDER: 50 + 30 + 10}
    assert treasury(world.chain) == Treasury(
        producers=180, foundation=15, staking=75, staking_new=75, minted_bounty=60
    )


def test_a_provider_that_is_no_address_gets_nothing() -> None:
    world = after(money_world({"transfer": 100}), tokens(1, tpid="nobody@lab"))
    assert owed(world.chain) == {}
    assert treasury(world.chain).producers == 70


def test_bundles_fill_the_bucket_and_are_paid_by_the_set() -> None:
    world = money_world({"add_bundles": 100}, bundle_units=3)
    bought = AddBundles(fio_address="userb@lab", bundle_sets=2, tpid=PROVIDER, actor="usera")
    after(world, bought)
    assert (units(world.chain, "userb"), balance(world, "usera")) == (9, 800)
    assert owed(world.chain) == {PROVIDER: 20 + 80}
    held = treasury(world.chain)
    assert (held.bucket, held.producers, held.staking) == (120, 0, 50)


def test_a_unit_pays_for_a_vote_while_there_is_one_and_then_the_fee() -> None:
    world = money_world({"vote": 100, "proxy": 10}, bundle_units=2)
    for name in ("producera", "producerb"):
        after(world, vote("usera", name))
    assert (units(world.chain, "usera"), balance(world, "usera")) == (0, 1000)
    after(world, vote("usera", "producerc"))
    assert balance(world, "usera") == 900
    assert world.votes() == {"producerc": 900}, "the weight is that after the fee"


def test_registering_is_never_paid_by_the_bundle() -> None:
    world = money_world({"register": 7}, bundle_units=5)
    after(world, register("producere"))
    assert (units(world.chain, "producere"), balance(world, "producere")) == (5, 93)


def test_more_than_the_limit_is_refused_and_leaves_nothing() -> None:
    world = money_world({"transfer": 100})
    assert world.do(tokens(1, max_fee=99)) == Reason.MAX_FEE_EXCEEDED
    assert world.do(tokens(901)) == Reason.INSUFFICIENT_BALANCE
    sets = AddBundles(fio_address="usera@lab", bundle_sets=2, max_fee=0, actor="usera")
    assert world.do(sets) == "", "without a fee there is nothing to exceed"
    assert world.do(tokens(1, max_fee=100)) == ""
    world.run()
    assert balance(world, "usera") == 899


def test_a_plain_transfer_costs_the_same_and_has_no_limit() -> None:
    world = money_world({"transfer": 100})
    after(world, Transfer(sender="usera", recipient="userb", amount=1))
    assert balance(world, "usera") == 899


def test_each_operation_of_a_transaction_is_charged_after_all_of_them() -> None:
    """What one brings in, an earlier one's fee may take."""
    world = money_world({"transfer": 100, "proxy": 1})
    back = TransferTokens(payee="usera", amount=500, actor="userb")
    after(world, tokens(1000), back)
    assert (balance(world, "usera"), balance(world, "userb")) == (400, 1400)


def test_without_fees_nobody_pays_and_there_is_no_treasury() -> None:
    world = after(money_world(), tokens(10))
    assert treasury(world.chain) == Treasury()
    assert balance(world, "usera") == 990


def test_a_chain_without_the_delegation_knows_no_fees() -> None:
    chain = make_chain(make_genesis())
    for operation in (
        tokens(1),
        AddBundles(fio_address="usera@lab", bundle_sets=1, actor="usera"),
        BundleVote(bundled_transactions=1, actor="usera"),
        ComputeFees(actor="usera"),
        SetFeeMultiplier(multiplier=1, actor="usera"),
        SetFeeVotes(fee_values=(), actor="usera"),
        Claim(producer="producera", actor="usera"),
        TechnologyProviderClaim(actor="usera"),
    ):
        told = submit(chain, signed(chain, operation), slot=chain.head.slot)
        assert [tx.reason for tx in of_kind(told, Txs)] == [Reason.NO_DELEGATION]


def test_a_fee_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(GenesisError, match="fio: fees: transfers is none; there are add_bundles"):
        build(money_world({"transfers": 1}).genesis)


def test_each_fee_is_an_operations() -> None:
    assert set(ENDPOINTS) <= set(by_word(OPERATIONS))


def test_the_order_of_fees_in_the_genesis_file_changes_neither_chain_nor_state() -> None:
    first, second = (
        make_chain(money_world(costs).genesis)
        for costs in ({"transfer": 1, "vote": 2}, {"vote": 2, "transfer": 1})
    )
    assert first.chain_id == second.chain_id
    assert first.state_digest == second.state_digest


def test_proxies_cost_too() -> None:
    world = money_world({"proxy": 10})
    assert world.do(proxy("usera", "userb")) == Reason.NOT_A_PROXY
    assert balance(world, "usera") == 1000
