"""What a timeline lets accounts do is done by their hosts' clients, in time, in every system."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.campaign import campaign_file
from harness.plan import lab_view, planner
from harness.sim.campaign import Simulated, simulate
from node import events
from node.events import Txs

S = 1_000_000_000
TRANSFERS = """
  - {at: 15s, act: transfer, by: userb, recipient: usera, amount: 7, memo: hello}
  - {at: 16s, act: transfer, by: userc, recipient: usera, amount: 2000000000000}
"""


def run(text: str) -> Simulated:
    """Return the raw files of a campaign's first trial."""
    file = campaign_file.parse(text, Path("test.yml"))
    plan = planner.build(file, lab_view.simulated(file))
    return simulate(plan, plan.trials[0])


def told(done: Simulated, writer: str) -> list[tuple[float, Txs]]:
    """Return what a node or a client told of transactions, with seconds since T0."""
    lines = [events.decode(line) for line in done.events[writer.split(".")[0]].splitlines()]
    return [
        (round((said.wall_ns - done.files.t0_ns) / S, 1), record)
        for said, record in lines
        if isinstance(record, Txs) and said.node == writer
    ]


@pytest.mark.parametrize("chain", ["{profile: eosio, blocks_per_turn: 2}", "{profile: bitshares}"])
def test_an_act_is_sent_at_its_time_by_the_client_of_its_accounts_host_alone(chain: str) -> None:
    text = f"schema: slotlab.campaign/v1\ntitle: t\nchain: {chain}\ntimeline:{TRANSFERS}"
    done = run(text)
    ((at, sent),) = told(done, "n2.client")
    assert (at, sent.state, sent.act) == (15.0, "sent", "transfer")
    told_of_it = [(record.ids, record.state) for _, record in told(done, "n2")]
    assert told_of_it == [(sent.ids, state) for state in ("accepted", "included", "irreversible")]
    ((at, sent), (_, refused)) = told(done, "n3.client")
    assert (at, sent.state, sent.act) == (16.0, "sent", "transfer")
    assert (refused.state, refused.reason) == ("rejected", "insufficient_balance")
    assert [record.state for _, record in told(done, "n3")] == ["rejected"]
    assert told(done, "n1.client") == told(done, "n4.client") == []


NEWCOMER = """
schema: slotlab.campaign/v1
title: t
chain:
  producers: 4
  blocks_per_turn: 2
  accounts: {newbie: {balance: 90000000, on: n2}}
  fio: {elected: 4, activation: 1000000, schedule_check_slots: 10}
cooldown: 26s
timeline:
  - {at: 2s, act: register, by: newbie, key: newbie}
  - {at: 4s, act: vote, by: newbie, producers: [newbie, producera, producerb, producerc]}
"""


def test_an_account_that_registers_and_is_voted_in_produces_on_the_host_that_has_its_key() -> None:
    done = run(NEWCOMER)
    made = {
        host: {
            record.producer
            for _, record in map(events.decode, lines.splitlines())
            if isinstance(record, events.Produced)
        }
        for host, lines in done.events.items()
    }
    assert made == {
        "n1": {"producera"}, "n2": {"newbie", "producerb"}, "n3": {"producerc"},
        "n4": {"producerd"},
    }  # fmt: skip
