"""What a timeline lets accounts do is done by their hosts' clients, in time, in every system."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.campaign import campaign_file
from harness.plan import lab_view, planner
from harness.sim.campaign import Simulated, simulate
from node import events
from node.events import Tx

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


def told(done: Simulated, host: str) -> list[tuple[float, Tx]]:
    """Return what a host told of transactions, with seconds since T0."""
    lines = [events.decode(line) for line in done.events[host].splitlines()]
    return [
        (round((said.wall_ns - done.files.t0_ns) / S, 1), record)
        for said, record in lines
        if isinstance(record, Tx)
    ]


@pytest.mark.parametrize("chain", ["{profile: eosio, blocks_per_turn: 2}", "{profile: bitshares}"])
def test_an_act_is_sent_at_its_time_by_the_host_of_its_account_alone(chain: str) -> None:
    text = f"schema: slotlab.campaign/v1\ntitle: t\nchain: {chain}\ntimeline:{TRANSFERS}"
    done = run(text)
    sent = told(done, "n2")
    assert [(at, record.state, record.act) for at, record in sent[:1]] == [
        (15.0, "sent", "transfer")
    ]
    assert [record.state for _, record in sent[1:]] == ["accepted", "included", "irreversible"]
    refused = [(at, record.state, record.act, record.reason) for at, record in told(done, "n3")]
    assert refused == [
        (16.0, "sent", "transfer", ""), (16.0, "rejected", "", "insufficient_balance"),
    ]  # fmt: skip
    assert told(done, "n1") == told(done, "n4") == []
