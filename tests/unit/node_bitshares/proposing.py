"""Builders for chains whose committee changes parameters by proposals."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec

from node.chain.bitshares.chain_parameters import first_parameters
from node.chain.bitshares.contracts.committee.approve import Approve
from node.chain.bitshares.contracts.committee.parameter_changes import Fee, ParameterChanges
from node.chain.bitshares.contracts.committee.propose import Propose
from node.chain.bitshares.contracts.committee.rows import NEXT_PROPOSAL, PROPOSALS, Proposal
from node.chain.bitshares.contracts.committee.withdraw_approval import WithdrawApproval
from node.chain.bitshares.contracts.rows import THE_ONE
from node.chain.bitshares.profile import BitsharesProfile
from node.chain.chain import Chain
from node.chain.genesis import Genesis
from node.chain.model.bitshares_rules import BitsharesRules
from node.chain.model.operation import Operation
from node.chain.model.transaction import Transaction
from tests.unit.node_bitshares.world import bitshares_genesis
from tests.unit.node_chain.builders import signed

COMMITTEE = ("usera", "userb", "userc")
"""Of whom each weighs the same, so that two are enough; userd is not in it."""
MAINTENANCE_S = 20
REVIEW_S = MAINTENANCE_S + 1
LIFETIME_S = REVIEW_S + 4
"""Approvals are taken for 4 s; then there is one maintenance at least before it is judged."""


def proposing_genesis(*, committee: Any = None, **options: object) -> Genesis:
    """Return a genesis of four witnesses and a committee of three, with short periods."""
    rules = {
        "maintenance_interval_s": MAINTENANCE_S,
        "voting": {"committee": list(COMMITTEE)},
        "committee": {
            "review_period_s": REVIEW_S, "max_proposal_lifetime_s": 200, **(committee or {}),
        },
        **options,
    }  # fmt: skip
    made = msgspec.convert({"block_interval_s": 1, **rules}, BitsharesRules)
    return msgspec.structs.replace(bitshares_genesis(4), bitshares=made)


def propose(
    chain: Chain, by: str = "userd", *, lifetime_s: int = LIFETIME_S,
    reviewed_s: int | None = None, **changes: Any,
) -> Transaction:  # fmt: skip
    """Return the transaction that proposes those changes; fees: {word: amount}."""
    fees = changes.pop("fees", {})
    listed = tuple(Fee(operation=word, amount=amount) for word, amount in fees.items())
    parameters = ParameterChanges(fees=listed, **changes)
    asked = Propose(
        proposer=by, lifetime_s=lifetime_s, review_period_s=reviewed_s, parameters=parameters
    )
    return signed(chain, asked)


def approve(chain: Chain, number: int, *names: str, by_key: bool = False) -> list[Transaction]:
    """Return the transactions by which accounts approve a proposal."""
    return [signed(chain, Approve(approver=name, proposal=number, by_key=by_key)) for name in names]


def withdraw(chain: Chain, number: int, name: str) -> Transaction:
    """Return the transaction by which an account approves no longer."""
    return signed(chain, WithdrawApproval(approver=name, proposal=number))


def asked(chain: Chain, approving: Sequence[str] = COMMITTEE, **changes: Any) -> list[Transaction]:
    """Return what lets the next proposal be executed, if those who approve are enough."""
    number = chain._ledger.row(NEXT_PROPOSAL, THE_ONE) or 0
    return [propose(chain, **changes), *approve(chain, number, *approving)]


def proposal(chain: Chain, number: int) -> Proposal | None:
    """Return a proposal at the head, None where it has ended."""
    return chain._ledger.row(PROPOSALS, number)


def drawn(rng: random.Random) -> list[Operation]:
    """Return operations of a history with short periods: proposals, and opinions on the first."""
    number = rng.choice((0, 0, 0, 1, 2))
    names = rng.sample(COMMITTEE, rng.choice((1, 2, 2, 3)))
    said: list[Operation] = [
        Approve(approver=name, proposal=number, by_key=rng.random() < 0.2) for name in names
    ]
    if rng.random() < 0.4:
        new = ParameterChanges(
            block_interval_s=rng.choice((None, 1, 2)),
            maintenance_interval_s=rng.choice((None, 2, 1)),
            max_witness_count=rng.randint(1, 9),
        )
        life_s = rng.choice((4, 5, 7))
        asking = Propose(proposer=rng.choice(COMMITTEE), lifetime_s=life_s, parameters=new)
        return [asking, *said] if rng.random() < 0.7 else [asking]
    if rng.random() < 0.2:
        return [WithdrawApproval(approver=rng.choice(COMMITTEE), proposal=number)]
    return said


GENESIS = proposing_genesis()
PROFILE = BitsharesProfile.of(GENESIS)
assert GENESIS.bitshares is not None
FIRST_PARAMETERS = first_parameters(GENESIS, GENESIS.bitshares, PROFILE.rules.parameters)
