"""C.12: parameters change by proposals that a committee approves and that are reviewed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from node.chain.bitshares.contracts.committee.delete_proposal import DeleteProposal
from node.chain.bitshares.contracts.rows import IN_FORCE, PARAMETERS, WAITING
from node.chain.bitshares.contracts.voting.rows import COMMITTEE as ACTIVE_COMMITTEE
from node.chain.bitshares.contracts.voting.rows import ActiveCommittee
from node.chain.chain import Chain
from node.chain.genesis import Genesis
from node.chain.model.messages import Effect
from node.chain.model.transaction import Transaction
from node.events import Approved, ParametersInForce, ProposalEnded, Proposed, Txs
from tests.unit.node_bitshares.governed import maker, state_of
from tests.unit.node_bitshares.proposing import (
    COMMITTEE,
    FIRST_PARAMETERS,
    GENESIS,
    LIFETIME_S,
    MAINTENANCE_S,
    REVIEW_S,
    approve,
    asked,
    proposal,
    propose,
    proposing_genesis,
    withdraw,
)
from tests.unit.node_bitshares.world import START_SLOT
from tests.unit.node_chain.builders import (
    blocks_of,
    make_chain,
    of_kind,
    receive,
    signed,
    submit,
    tick,
    transfer,
)


class Run:
    """A chain that goes on slot by slot. Mutable: the chain, the last slot, what it did."""

    def __init__(self, genesis: Genesis = GENESIS) -> None:
        self.chain: Chain = maker(genesis)
        self.done: list[Effect] = []
        self.slot = START_SLOT - 1
        self.on(6)

    @property
    def now_s(self) -> int:
        """Return the head's time."""
        return state_of(self.chain).time_s

    def on(self, seconds: int) -> None:
        """Let that many slots pass."""
        for _ in range(seconds):
            self.slot += 1
            self.done += tick(self.chain, self.slot)

    def until(self, time_s: int) -> None:
        """Let the head be of that time, or the first block after it, if none is."""
        while self.now_s < time_s:
            self.on(1)

    def send(self, *transactions: Transaction) -> list[str]:
        """Hand transactions in; return why some are refused."""
        told = [of_kind(submit(self.chain, one, slot=self.slot), Txs) for one in transactions]
        return [each.reason for some in told for each in some if each.state == "rejected"]

    def ended(self) -> list[tuple[int, str]]:
        """Return the outcomes of the proposals that ended, by number."""
        return [(one.proposal, one.outcome) for one in of_kind(self.done, ProposalEnded)]

    def parameters(self, key: str = IN_FORCE) -> Any:
        """Return the parameters in force, or waiting."""
        return self.chain._ledger.row(PARAMETERS, key)

    def next_maintenance(self) -> None:
        """Let the chain be at its next maintenance block."""
        self.until(state_of(self.chain).next_maintenance_s)


def before_maintenance(run: Run, seconds: int) -> None:
    """Let the head be so long before a maintenance."""
    due_s = state_of(run.chain).next_maintenance_s
    due_s += MAINTENANCE_S if due_s - seconds <= run.now_s else 0
    run.until(due_s - seconds)


def test_a_proposal_is_reviewed_judged_when_it_expires_and_in_force_at_the_maintenance_after() -> (
    None
):
    run = Run()
    assert run.send(*asked(run.chain, block_interval_s=3)) == []
    run.on(1)
    row = proposal(run.chain, 0)
    assert row is not None
    assert row.parameters == msgspec.structs.replace(FIRST_PARAMETERS, block_interval_s=3)
    assert (row.approvals, row.proposer, row.review_s) == (COMMITTEE, "userd", REVIEW_S)
    asked_s = row.expires_s - LIFETIME_S
    run.until(row.expires_s - 1)
    assert run.ended() == []
    run.until(row.expires_s)
    assert run.ended() == [(0, "executed")]
    assert proposal(run.chain, 0) is None
    assert run.parameters().block_interval_s == 1
    assert run.parameters(WAITING) == row.parameters
    assert of_kind(run.done, ParametersInForce) == []
    due_s = state_of(run.chain).next_maintenance_s
    run.next_maintenance()
    assert state_of(run.chain).parameters.block_interval_s == 3
    assert run.parameters() == row.parameters
    (told,) = of_kind(run.done, ParametersInForce)
    head = run.chain.head
    assert told == ParametersInForce(
        num=head.num, slot=head.slot, **msgspec.structs.asdict(row.parameters)
    )
    assert asked_s + LIFETIME_S <= due_s == run.now_s
    (first,) = of_kind(run.done, Proposed)
    assert (first.changes, first.frozen_s) == ({"block_interval_s": "3"}, row.frozen_s)
    assert [one.account for one in of_kind(run.done, Approved)] == list(COMMITTEE)


def test_one_that_expires_in_a_maintenance_block_waits_for_the_next_maintenance() -> None:
    """It is judged after the maintenance of its block (C.0), so one whole interval is lost."""
    run = Run()
    before_maintenance(run, LIFETIME_S - MAINTENANCE_S)
    due_s = state_of(run.chain).next_maintenance_s + MAINTENANCE_S
    run.send(*asked(run.chain, lifetime_s=due_s - run.now_s, maintenance_skip_slots=0))
    run.until(due_s)
    assert run.ended() == [(0, "executed")]
    assert state_of(run.chain).is_maintenance
    assert run.parameters().maintenance_skip_slots == 3
    run.next_maintenance()
    assert run.now_s == due_s + MAINTENANCE_S
    assert run.parameters().maintenance_skip_slots == 0


@pytest.mark.parametrize(
    ("quorum", "names", "outcome"),
    [
        ("stake", COMMITTEE[:1], "unauthorized"),
        ("stake", COMMITTEE[:2], "executed"),
        ("stake", ("userd",), "unauthorized"),
        ("stake", ("usera", "userd"), "unauthorized"),
        ("stake", (), "unauthorized"),
        ("head_count", COMMITTEE[:2], "unauthorized"),
        ("head_count", COMMITTEE, "executed"),
    ],
)
def test_a_quorum_of_the_committee_must_approve(
    quorum: str, names: tuple[str, ...], outcome: str
) -> None:
    run = Run(proposing_genesis(committee={"quorum": quorum}))
    assert run.send(*asked(run.chain, names, block_interval_s=2)) == []
    run.on(LIFETIME_S + 10)
    assert run.ended() == [(0, outcome)]
    (told,) = of_kind(run.done, ProposalEnded)
    assert told.approved_by == [name for name in COMMITTEE if name in names]
    assert told.committee == list(COMMITTEE)
    run.next_maintenance()
    assert run.parameters().block_interval_s == (2 if outcome == "executed" else 1)


def test_while_it_is_reviewed_approvals_can_only_be_taken_back() -> None:
    run = Run()
    run.send(*asked(run.chain, COMMITTEE[:2], block_interval_s=2))
    run.on(1)
    row = proposal(run.chain, 0)
    assert row is not None
    run.until(row.frozen_s - 1)
    assert run.send(*approve(run.chain, 0, "userc")) == []
    run.until(row.frozen_s)
    assert run.send(*approve(run.chain, 0, "userd")) == ["in_review"]
    assert run.send(*approve(run.chain, 0, "userd", by_key=True)) == ["in_review"]
    assert run.send(withdraw(run.chain, 0, "usera"), withdraw(run.chain, 0, "userb")) == []
    run.on(1)
    left = proposal(run.chain, 0)
    assert left is not None
    assert left.approvals == ("userc",)
    assert run.send(withdraw(run.chain, 0, "usera")) == ["not_approved"]
    run.on(LIFETIME_S)
    assert run.ended() == [(0, "unauthorized")]


def test_upstream_a_key_can_still_approve_while_it_is_reviewed() -> None:
    """The loophole of C.12: with one vote before the review, the second comes by key within it."""
    run = Run(proposing_genesis(committee={"freeze_approvals": "accounts"}))
    run.send(*asked(run.chain, COMMITTEE[:1], block_interval_s=2))
    run.on(6)
    assert run.send(*approve(run.chain, 0, "userb")) == ["in_review"]
    assert run.send(*approve(run.chain, 0, "userb", by_key=True)) == []
    run.on(LIFETIME_S)
    assert run.ended() == [(0, "executed")]


def depose(run: Run, *names: str) -> None:
    """Let others be the committee, as if they had been elected."""
    state = run.chain._ledger._state
    committee = ActiveCommittee(
        active=names, members=tuple((name, 1) for name in names), threshold=len(names) // 2 + 1
    )
    run.chain._pending.leave()
    state._rows[ACTIVE_COMMITTEE.name][IN_FORCE] = committee


def test_the_committee_of_the_end_judges_and_who_was_deposed_counts_no_more() -> None:
    run = Run()
    run.send(*asked(run.chain, (*COMMITTEE, "userd"), block_interval_s=2))
    run.on(6)
    depose(run, "userd", "userc", "outsider")
    run.send(withdraw(run.chain, 0, "userc"))
    run.on(LIFETIME_S)
    (told,) = of_kind(run.done, ProposalEnded)
    assert (told.outcome, told.approved_by) == ("unauthorized", ["userd"])


def test_whoever_is_elected_meanwhile_may_have_approved_before() -> None:
    run = Run()
    run.send(*asked(run.chain, ("userd",), block_interval_s=2))
    run.on(6)
    depose(run, "userd")
    run.on(LIFETIME_S)
    assert run.ended() == [(0, "executed")]


def test_of_two_that_are_executed_before_a_maintenance_the_later_replaces_all_of_the_first() -> (
    None
):
    run = Run()
    run.next_maintenance()
    run.send(*asked(run.chain, block_interval_s=2))
    run.on(5)
    run.send(*asked(run.chain, max_witness_count=99))
    run.on(LIFETIME_S + 1)
    assert run.ended() == [(0, "executed"), (1, "executed")]
    run.next_maintenance()
    expected = msgspec.structs.replace(FIRST_PARAMETERS, max_witness_count=99)
    assert run.parameters() == expected


def test_a_shorter_review_period_applies_to_what_is_proposed_afterwards() -> None:
    run = Run(proposing_genesis(committee={"review_period_s": 50}))
    run.send(*asked(run.chain, lifetime_s=55, review_period_s=REVIEW_S))
    run.on(2)
    run.send(propose(run.chain, lifetime_s=200, block_interval_s=2))
    run.on(55 + MAINTENANCE_S)
    assert run.parameters().review_period_s == REVIEW_S
    run.send(propose(run.chain, block_interval_s=2))
    run.on(5)
    rows = [proposal(run.chain, number) for number in (1, 2)]
    assert [row and row.review_s for row in rows] == [50, REVIEW_S]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lifetime_s": 0, "block_interval_s": 2}, "bad_lifetime"),
        ({"lifetime_s": 201, "block_interval_s": 2}, "bad_lifetime"),
        ({"lifetime_s": REVIEW_S, "block_interval_s": 2}, "bad_review_period"),
        ({"reviewed_s": REVIEW_S - 1, "block_interval_s": 2}, "bad_review_period"),
        ({"reviewed_s": LIFETIME_S, "block_interval_s": 2}, "bad_review_period"),
        ({}, "bad_parameters"),
        ({"block_interval_s": 1}, "bad_parameters"),
        ({"block_interval_s": 0}, "bad_parameters"),
        ({"block_interval_s": 31}, "bad_parameters"),
        ({"block_interval_s": 21}, "bad_parameters"),
        ({"maintenance_interval_s": 0}, "bad_parameters"),
        ({"maintenance_interval_s": REVIEW_S}, "bad_parameters"),
        ({"review_period_s": MAINTENANCE_S}, "bad_parameters"),
        ({"max_block_bytes": 1023}, "bad_parameters"),
        ({"max_block_bytes": (1 << 21) + 1}, "bad_parameters"),
        ({"max_proposal_lifetime_s": REVIEW_S + 1}, "bad_parameters"),
        ({"max_time_until_expiration_s": 0}, "bad_parameters"),
        ({"max_witness_count": 0}, "bad_parameters"),
        ({"max_committee_count": 1002}, "bad_parameters"),
        ({"network_percent": 10_001}, "bad_parameters"),
        ({"pay_mode": "whatever"}, "bad_parameters"),
        ({"pay_percent": 10_001}, "bad_parameters"),
        ({"witness_pay_per_block": 1 << 62}, "bad_parameters"),
        ({"fees": {"transfer": 1 << 62}}, "bad_parameters"),
        ({"fees": {"transfers": 1}}, "bad_parameters"),
    ],
    ids=str,
)
def test_what_no_chain_can_have_is_refused_when_it_is_proposed(
    changes: dict[str, Any], reason: str
) -> None:
    run = Run()
    assert run.send(propose(run.chain, **changes)) == [reason]


def test_a_proposal_whose_parameters_became_impossible_is_removed_when_it_expires() -> None:
    """Too many can be elected at once by then for a block so small to announce them."""
    run = Run(proposing_genesis(voting={"committee": list(COMMITTEE), "min_witness_count": 3}))
    assert run.send(*asked(run.chain, max_block_bytes=1024)) == []
    run.on(1)
    rows = run.chain._ledger._state._rows["witnesses"]
    (one, *_) = rows.values()
    rows.update({f"{n}": msgspec.structs.replace(one, position=n) for n in range(10, 30)})
    run.on(LIFETIME_S + 4)
    assert run.ended() == [(0, "failed")]
    assert run.parameters(WAITING) is None


def test_who_proposed_may_take_it_back_and_nobody_else() -> None:
    run = Run()
    run.send(*asked(run.chain, block_interval_s=2))
    run.on(1)
    refused = signed(run.chain, DeleteProposal(proposer="usera", proposal=0))
    assert run.send(refused) == ["not_proposer"]
    assert run.send(signed(run.chain, DeleteProposal(proposer="userd", proposal=0))) == []
    run.on(1)
    assert run.ended() == [(0, "deleted")]
    assert run.send(*approve(run.chain, 0, "usera")) == ["unknown_proposal"]
    assert run.send(withdraw(run.chain, 9, "usera")) == ["unknown_proposal"]


def test_the_same_approval_counts_once() -> None:
    run = Run()
    run.send(*asked(run.chain, ("usera",), block_interval_s=2))
    run.on(1)
    assert run.send(*approve(run.chain, 0, "usera")) == ["same_approval"]


def test_how_far_ahead_a_transaction_may_expire_follows_the_parameter() -> None:
    run = Run()
    run.send(*asked(run.chain, max_time_until_expiration_s=50))
    run.on(LIFETIME_S)
    assert run.send(transfer(run.chain, 1, lives_s=51)) == []
    run.on(MAINTENANCE_S + 5)
    assert run.parameters().max_time_until_expiration_s == 50
    assert run.send(transfer(run.chain, 2, lives_s=51)) == ["expiration_too_far"]
    assert run.send(transfer(run.chain, 3, lives_s=49)) == []


def test_blocks_may_be_larger_or_smaller_than_those_of_the_genesis_from_then_on() -> None:
    small = msgspec.structs.replace(proposing_genesis(), max_block_bytes=2048)
    run, follower = Run(small), make_chain(small)
    run.send(*asked(run.chain, max_block_bytes=1 << 20))
    run.on(LIFETIME_S + MAINTENANCE_S + 8)
    crowd = [transfer(run.chain, n + 1) for n in range(40)]
    assert run.send(*crowd) == []
    run.on(1)
    blocks = blocks_of(run.done)
    assert len(blocks[-1].transactions) == 40
    for block in blocks:
        receive(follower, block, now_slot=run.slot)
    assert follower.head == run.chain.head
    sizes = [len(run.chain.codec.encode(block)) for block in blocks]
    assert max(sizes[:-1]) <= 2048 < sizes[-1]


@pytest.mark.parametrize(
    "changes",
    [
        {"block_interval_s": 30, "maintenance_interval_s": 35, "review_period_s": 36},
        {"block_interval_s": 7},
        {"maintenance_interval_s": 11},
        {"maintenance_skip_slots": 0},
        {"max_block_bytes": 1 << 21},
        {"review_period_s": 60},
        {"max_proposal_lifetime_s": 100},
        {"max_time_until_expiration_s": 77},
        {"max_witness_count": 9},
        {"max_committee_count": 9},
        {"fees": {"transfer": 5, "propose": 50}},
        {"fee_per_kbyte": 3},
        {"network_percent": 10_000},
        {"pay_mode": "percent_of_fees", "pay_percent": 5_000},
        {"witness_pay_per_block": 3},
        {"worker_budget_per_day": 4},
    ],
    ids=str,
)
def test_each_parameter_is_as_before_until_the_maintenance_after_and_as_proposed_from_then_on(
    changes: dict[str, Any],
) -> None:
    run = Run()
    before = msgspec.structs.asdict(run.parameters())
    assert run.send(*asked(run.chain, **changes)) == []
    run.on(LIFETIME_S + 1)
    assert run.ended() == [(0, "executed")]
    assert msgspec.structs.asdict(run.parameters()) == before
    run.next_maintenance()
    assert msgspec.structs.asdict(run.parameters()) == before | changes
    assert state_of(run.chain).parameters == run.parameters().header
