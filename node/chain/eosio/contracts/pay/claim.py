"""Claiming a producer's pay: action `bpclaim`."""

from typing import ClassVar

import msgspec

from node.chain.encoding.fields import Account
from node.chain.eosio.contracts.fees.rows import MAIN, TREASURY, treasury_of
from node.chain.eosio.contracts.pay.build import build_schedule
from node.chain.eosio.contracts.pay.pay_schedule import is_due
from node.chain.eosio.contracts.pay.payment import pay, pay_foundation
from node.chain.eosio.contracts.pay.rows import CLAIMED, CLOCKS, PAY_SHARES, SCHEDULE
from node.chain.eosio.contracts.voting.rows import (
    ELECTION,
    PRODUCERS,
    THE_ONE,
    require_domain,
    rules_of,
)
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.fio_rules import PayRules
from node.chain.model.operation import OpenBlock, Operation


class Claim(Operation, frozen=True, kw_only=True):
    """Let a producer be paid; anybody may ask for it. Upstream names it by its address."""

    ACTION: ClassVar = ("fio.treasury", "bpclaim")
    WORD: ClassVar = "claim"
    COST_US: ClassVar[int] = 250

    producer: Account
    actor: Account

    def apply(self, block: OpenBlock) -> None:
        """Build a pay schedule if one is due, then pay the producer its share, if it has one.

        Without a share nobody is paid, and yet it counts as a claim. Upstream takes a share of the
        pot only from those who are paid as one of the top; ours takes each, so that none is paid
        twice. Source: PROTOCOL B.8.

        Raises:
            TransactionRejected: before the chain's voting threshold, no producer, too soon after
                the last claim, its domain expired too long ago, or inactive with a share.
        """
        state, rules = block.state, rules_of(block)
        _check_may_claim(self.producer, block)
        state.put(CLAIMED, self.producer, block.time_s)
        timer_s = state.get(CLOCKS, SCHEDULE) or 0
        if is_due(block.time_s, timer_s, len(state.rows(PAY_SHARES)), rules.pay):
            build_schedule(rules.pay, block)
        _pay_share(self.producer, rules.pay, block)


def _check_may_claim(producer: str, block: OpenBlock) -> None:
    state, rules = block.state, rules_of(block)
    election = state.get(ELECTION, THE_ONE)
    if election is None or not election.activated_s:
        raise TransactionRejected(Reason.NOT_ACTIVATED)
    if state.get(PRODUCERS, producer) is None:
        raise TransactionRejected(Reason.NOT_REGISTERED)
    last_s = state.get(CLAIMED, producer)
    if last_s is not None and block.time_s - last_s <= rules.pay.claim_pause_s:
        raise TransactionRejected(Reason.TOO_SOON)
    require_domain(block, rules, grace_s=rules.domain_grace_s)


def _pay_share(producer: str, rules: PayRules, block: OpenBlock) -> None:
    state = block.state
    share = state.get(PAY_SHARES, producer)
    if share is None:
        return
    row = state.get(PRODUCERS, producer)
    assert row is not None
    if not row.active:
        raise TransactionRejected(Reason.INACTIVE_PRODUCER)
    amount = share.active + share.standby
    held = treasury_of(state)
    state.put(TREASURY, MAIN, msgspec.structs.replace(held, producers=held.producers - amount))
    pay("producer", producer, amount, block)
    pay_foundation(held.foundation, rules, block)
    state.remove(PAY_SHARES, producer)
