"""Building a pay schedule: what moves, what is minted, and who may claim what."""

from collections.abc import Mapping

import msgspec

from node.chain.eosio.contracts.fees.rows import MAIN, TREASURY, Treasury, treasury_of
from node.chain.eosio.contracts.pay.minting import (
    mint_for_foundation,
    mint_for_producers,
    mint_for_staking,
)
from node.chain.eosio.contracts.pay.pay_schedule import next_timer, shares_of
from node.chain.eosio.contracts.pay.payment import pay_foundation
from node.chain.eosio.contracts.pay.rows import CLOCKS, PAY_SHARES, SCHEDULE, PayShare
from node.chain.eosio.contracts.voting.rows import PRODUCERS, Producer
from node.chain.model.fio_rules import PayRules
from node.chain.model.operation import OpenBlock
from node.events import PaySchedule


def minted(before: Treasury, rules: PayRules) -> Treasury:
    """Return the treasury with the bucket's part in the pot, and with what is minted for a day.

    Source: PROTOCOL B.8.
    """
    moved = before.bucket // rules.bucket_parts
    pot = before.producers + moved
    for_pot = mint_for_producers(
        pot, top_up_to=rules.pot_least, left=rules.pot_cap - before.minted_pot
    )
    for_foundation = mint_for_foundation(
        daily=rules.foundation_daily, left=rules.foundation_cap - before.minted_foundation
    )
    for_staking = mint_for_staking(
        before.staking_new,
        daily=rules.staking_daily,
        left=rules.staking_cap - before.minted_staking,
    )
    return msgspec.structs.replace(
        before,
        producers=pot + for_pot,
        bucket=before.bucket - moved,
        foundation=before.foundation + for_foundation,
        staking=before.staking + for_staking,
        staking_new=0,
        minted_pot=before.minted_pot + for_pot,
        minted_foundation=before.minted_foundation + for_foundation,
        minted_staking=before.minted_staking + for_staking,
    )


def ranked_for_pay(producers: Mapping[str, Producer]) -> list[tuple[str, int]]:
    """Return the active (producer, votes), most votes first, then the first that registered."""
    active = [name for name, row in producers.items() if row.active]
    active.sort(key=lambda name: (-producers[name].votes, producers[name].position))
    return [(name, producers[name].votes) for name in active]


def build_schedule(rules: PayRules, block: OpenBlock) -> None:
    """Let the active producers with most votes claim their shares of the pot from now on.

    What nobody claimed of the last schedule is still in the pot. What is minted for the foundation
    is paid to it at once; what fees brought it, with the next claim.
    """
    state = block.state
    before = treasury_of(state)
    treasury = minted(before, rules)
    state.put(TREASURY, MAIN, treasury)
    for producer in sorted(state.rows(PAY_SHARES)):
        state.remove(PAY_SHARES, producer)
    producers = state.rows(PRODUCERS)
    ranked = ranked_for_pay(producers)[: rules.paid]
    total = sum(row.votes for row in producers.values())
    for share in shares_of(treasury.producers, ranked, total, rules):
        state.put(PAY_SHARES, share.producer, PayShare(share.active, share.standby))
    timer_s = next_timer(block.time_s, state.get(CLOCKS, SCHEDULE) or 0, rules)
    state.put(CLOCKS, SCHEDULE, timer_s)
    block.facts.append(
        PaySchedule(
            num=block.num,
            producers=[producer for producer, _ in ranked],
            pot=treasury.producers,
            bucket=treasury.bucket,
            foundation=treasury.foundation,
            staking=treasury.staking,
            minted_pot=treasury.minted_pot,
            minted_foundation=treasury.minted_foundation,
            minted_staking=treasury.minted_staking,
            minted_bounty=treasury.minted_bounty,
        )
    )
    pay_foundation(treasury.minted_foundation - before.minted_foundation, rules, block)
