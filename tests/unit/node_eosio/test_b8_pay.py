"""Claims on a chain: when, for whom, how much, what is minted; random histories recounted."""

from __future__ import annotations

import msgspec
import pytest

from node.chain.eosio.contracts.fees.rows import Treasury
from node.chain.eosio.contracts.fees.transfer_tokens import TransferTokens
from node.chain.eosio.contracts.pay.claim import Claim
from node.chain.eosio.contracts.pay.technology_provider_claim import TechnologyProviderClaim
from node.chain.genesis import GenesisError
from node.chain.model.errors import Reason
from node.events import Paid, PaySchedule
from tests.unit.node_chain.builders import of_kind
from tests.unit.node_eosio.fio_world import NAMES, World, unregister, vote
from tests.unit.node_eosio.money import (
    HOUR_SLOTS,
    PAY,
    is_conserved,
    money_world,
    owed,
    treasury,
    waiting,
)

ALL = (*NAMES, "producere", "producerf")


def elected(**rules: object) -> World:
    """Return a chain on which four were voted in: a has half of the votes, b a third."""
    world = money_world(**rules)  # type: ignore[arg-type]
    for voter, name in zip(("usera", "userb"), NAMES, strict=False):
        assert world.do(vote(voter, name)) == ""
    world.run(2)
    return world


def later(world: World, slots: int) -> None:
    """Let so many slots pass, most of them empty."""
    world.slot += slots - 1
    world.run()


def claim(world: World, producer: str, actor: str = "userd") -> str:
    """Claim for a producer; return why it was refused."""
    refused = world.do(Claim(producer=producer, actor=actor))
    world.run()
    assert is_conserved(world.chain, world.genesis)
    return refused


def balance(world: World, account: str) -> int:
    return world.chain._ledger.balance(account)


def test_before_enough_have_voted_nobody_is_paid() -> None:
    world = money_world()
    world.run(2)
    assert claim(world, "producera") == Reason.NOT_ACTIVATED
    assert treasury(world.chain) == Treasury()


def test_the_first_claim_mints_builds_and_pays_whoever_is_named() -> None:
    world = elected()
    assert claim(world, "producera") == ""
    told = of_kind(world.log, PaySchedule)
    assert told == [
        PaySchedule(
            num=world.chain.head.num,
            producers=NAMES,
            pot=5000,
            bucket=0,
            foundation=300,
            staking=250,
            minted_pot=5000,
            minted_foundation=300,
            minted_staking=250,
            minted_bounty=0,
        )
    ]
    share = 2000 // 4 + 3000 // 2
    assert of_kind(world.log, Paid) == [
        Paid(num=world.chain.head.num, what="producer", account="producera", amount=share)
    ]
    assert balance(world, "producera") == 100 + share
    assert balance(world, "userd") == 1000, "who asks for it gets nothing"
    assert waiting(world.chain) == {"producerb": 2000, "producerc": 500, "producerd": 500}
    assert treasury(world.chain).producers == 3000


def test_between_two_claims_of_one_producer_more_than_four_hours_pass() -> None:
    world = elected()
    for name in NAMES:
        assert claim(world, name) == ""
    later(world, 4 * HOUR_SLOTS - 10)
    assert claim(world, "producera") == Reason.TOO_SOON
    later(world, 10)
    assert claim(world, "producera") == "", "a schedule is built anew: all had claimed"
    assert treasury(world.chain).minted_pot == 10_000
    assert treasury(world.chain).minted_foundation == 600


def test_four_producers_are_paid_up_to_six_times_a_day() -> None:
    world = elected(pay=msgspec.structs.replace(PAY, pot_cap=10**6))
    for _ in range(24):
        for name in NAMES:
            claim(world, name)
        later(world, HOUR_SLOTS)
    assert len(of_kind(world.log, PaySchedule)) == 6


def test_unclaimed_shares_return_to_the_pot_after_a_day() -> None:
    world = elected()
    assert claim(world, "producera") == ""
    later(world, 24 * HOUR_SLOTS + 2)
    before = treasury(world.chain)
    assert claim(world, "producerb") == ""
    after = treasury(world.chain)
    assert before.producers == 3000
    assert after.minted_pot - before.minted_pot == 2000, "topped up only"
    assert waiting(world.chain) == {"producera": 2000, "producerc": 500, "producerd": 500}


def test_after_idle_days_claim_after_claim_builds_and_mints() -> None:
    world = elected()
    claim(world, "producera")
    later(world, 3 * 24 * HOUR_SLOTS + 10)
    minted = []
    for name in NAMES:
        assert claim(world, name) == ""
        minted.append(treasury(world.chain).minted_foundation)
    assert minted == [600, 900, 1000, 1000], "three days, and the cap"
    assert len(of_kind(world.log, PaySchedule)) == 4


def test_when_the_reserves_are_exhausted_only_what_is_there_is_shared() -> None:
    pay = msgspec.structs.replace(
        PAY, pot_cap=7000, foundation_cap=400, staking_cap=300, foundation_account="userc"
    )
    world = elected(pay=pay)
    for _ in range(4):
        for name in NAMES:
            assert claim(world, name) == ""
        later(world, 5 * HOUR_SLOTS)
    held = treasury(world.chain)
    assert (held.minted_pot, held.minted_foundation, held.minted_staking) == (7000, 400, 300)
    assert balance(world, "userc") == 1400
    assert held.foundation == 0


def test_the_foundation_is_paid_what_fees_brought_with_a_claim() -> None:
    world = elected(
        fees={"transfer": 100}, pay=msgspec.structs.replace(PAY, foundation_account="userc")
    )
    assert world.do(TransferTokens(payee="userb", amount=1, actor="usera")) == ""
    world.run()
    assert treasury(world.chain).foundation == 5
    claim(world, "producera")
    assert [(paid.what, paid.amount) for paid in of_kind(world.log, Paid)] == [
        ("foundation", 300),
        ("producer", 500 + 3000 * 899 // 1900),
        ("foundation", 5),
    ]
    assert balance(world, "userc") == 1305


def test_only_so_many_are_paid_and_a_claim_without_a_share_counts() -> None:
    world = elected(pay=msgspec.structs.replace(PAY, paid=2, active=1))
    assert claim(world, "producerd") == ""
    assert balance(world, "producerd") == 100
    assert waiting(world.chain) == {"producera": 2000 + 1500, "producerb": 1500}
    assert claim(world, "producerd") == Reason.TOO_SOON


def test_the_inactive_are_not_paid_and_what_they_cannot_claim_stays() -> None:
    world = elected()
    assert claim(world, "producera") == ""
    assert world.do(unregister("producerb")) == ""
    world.run()
    before = treasury(world.chain)
    assert claim(world, "producerb") == Reason.INACTIVE_PRODUCER
    assert treasury(world.chain) == before
    assert claim(world, "usera") == Reason.NOT_REGISTERED


def test_after_the_grace_of_its_domain_a_producer_is_paid_no_longer() -> None:
    world = elected(domain_expires_s=3600, domain_grace_s=3600)
    later(world, 2 * HOUR_SLOTS - 20)
    assert claim(world, "producera") == ""
    later(world, 30)
    assert claim(world, "producerb") == Reason.DOMAIN_EXPIRED


def test_pay_votes_with_the_rest_of_the_balance() -> None:
    world = elected()
    assert world.do(vote("producera", "producerc")) == ""
    world.run()
    claim(world, "producera")
    assert world.votes()["producerc"] == balance(world, "producera") == 2028


def test_providers_are_paid_when_they_are_owed_enough_once_a_minute() -> None:
    world = elected(fees={"transfer": 100}, pay=msgspec.structs.replace(PAY, providers_per_call=1))
    again = TechnologyProviderClaim(actor="usera")
    for amount, tpid in ((1, "userd@lab"), (2, "userc@lab"), (3, "userd@lab"), (4, "userc@lab")):
        paying = TransferTokens(payee="userb", amount=amount, actor="usera", tpid=tpid)
        assert world.do(paying) == ""
        world.run()
        if amount == 1:
            assert world.do(again) == Reason.NO_WORK
    assert owed(world.chain) == {"userc@lab": 100, "userd@lab": 100}
    assert world.do(again) == ""
    world.run()
    assert owed(world.chain) == {"userc@lab": 100, "userd@lab": 0}, "in order of first rewards"
    later(world, 110)
    assert world.do(again) == Reason.TOO_SOON
    later(world, 20)
    assert world.do(again, lives_s=61) == ""
    world.run()
    assert owed(world.chain) == {"userc@lab": 0, "userd@lab": 0}
    assert [balance(world, name) for name in ("userc", "userd")] == [1100, 1100]
    assert is_conserved(world.chain, world.genesis)


def test_pay_that_no_chain_can_have_is_refused_by_name() -> None:
    for change, word in (
        ({"active_percent": 41}, "active_percent"),
        ({"bucket_parts": 0}, "parts"),
        ({"pot_cap": -1}, "amounts"),
        ({"foundation_account": "nobody"}, "foundation_account nobody"),
        ({"claim_pause_s": -1}, "pauses"),
    ):
        with pytest.raises(GenesisError, match=f"fio: pay: .*{word}"):
            money_world(pay=msgspec.structs.replace(PAY, **change))
