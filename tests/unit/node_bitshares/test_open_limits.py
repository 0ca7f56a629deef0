"""Ours: how many proposals and workers of an account there may be, where no fee bounds them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from node.chain.bitshares.contracts.committee.delete_proposal import DeleteProposal
from node.chain.bitshares.contracts.money.create_worker import CreateWorker
from node.chain.bitshares.rules import Rules
from node.chain.model.bitshares_rules import MOST
from node.chain.model.errors import GenesisError
from node.events import Txs
from tests.unit.node_bitshares.governed import maker
from tests.unit.node_bitshares.paying import MONEY, World, money_genesis
from tests.unit.node_bitshares.proposing import LIFETIME_S, propose, proposing_genesis
from tests.unit.node_bitshares.world import START_SLOT
from tests.unit.node_chain.builders import of_kind, signed, submit, tick


def test_of_an_account_so_many_proposals_wait_at_once_and_each_that_ends_makes_room() -> None:
    chain, slot = maker(proposing_genesis(committee={"max_proposals": 2})), START_SLOT

    def sent(number: int, by: str) -> str:
        asked = propose(chain, by, max_witness_count=number)
        return "".join(told.reason for told in of_kind(submit(chain, asked, slot=slot), Txs))

    def run(seconds: int) -> None:
        nonlocal slot
        for _ in range(seconds):
            tick(chain, slot)
            slot += 1

    run(6)
    assert [sent(n, "userd") for n in (1, 2, 3)] == ["", "", "too_many_proposals"]
    assert [sent(n, "usera") for n in (1, 2, 3)] == ["", "", "too_many_proposals"]
    run(1)
    assert sent(4, "userd") == "too_many_proposals"
    submit(chain, signed(chain, DeleteProposal(proposer="userd", proposal=0)), slot=slot)
    assert [sent(n, "userd") for n in (5, 6)] == ["", "too_many_proposals"]
    run(LIFETIME_S + 4)
    assert [sent(n, "userd") for n in (7, 8, 9)] == ["", "", "too_many_proposals"]


def test_an_account_has_so_many_workers_at_once_and_each_that_ended_goes_at_maintenance() -> None:
    world = World(replace(MONEY, fees={}, fee_per_kbyte=0, max_workers=2))

    def worker(owner: str, lasts_s: int) -> str:
        return world.do(CreateWorker(owner=owner, lasts_s=lasts_s, daily_pay=1, name=owner))

    assert [worker("usera", n) for n in (1, 500, 2)] == ["", "", "too_many_workers"]
    assert worker("userb", 1) == ""
    world.run(2)
    assert worker("usera", 3) == "too_many_workers"
    world.run(24)
    assert list(world.rows("workers")) == [1]
    assert [worker("usera", n) for n in (4, 5)] == ["", "too_many_workers"]
    world.run(2)
    # Numbers are not used again: votes that name an ended one are for nobody.
    assert sorted(world.rows("workers")) == [1, 3]


@pytest.mark.parametrize("most", [0, -1, MOST + 1])
def test_a_limit_that_no_chain_can_have_is_refused_by_its_key(most: int) -> None:
    with pytest.raises(GenesisError, match=r"bitshares.committee: max_proposals must be 1\.\."):
        Rules.of(proposing_genesis(committee={"max_proposals": most}))
    with pytest.raises(GenesisError, match=r"bitshares.money: max_workers must be 1\.\."):
        Rules.of(money_genesis(replace(MONEY, max_workers=most)))
