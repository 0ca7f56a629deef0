"""A node that is sent more than its slots have time for says so by name, counts it, and goes on."""

from __future__ import annotations

import time

import pytest

from node import events
from node.chain.profiles import build
from node.local.load import Transfers
from node.local.local_api import SUBMITTED_MAX, ask
from node.timing.budget import ALWAYS
from tests.process.cluster import cluster
from tests.waiting import wait_until

pytestmark = pytest.mark.process

COUNT = 40 * SUBMITTED_MAX


def test_a_flood_is_taken_or_refused_as_busy_and_the_chain_goes_on() -> None:
    with cluster(1, observers=1) as lab:
        lab.start()
        lab.until_lib(3)
        node = lab.nodes[0]
        status = node.status()
        chain_id, block_id = (bytes.fromhex(status[name]) for name in ("chain_id", "lib_id"))
        transfers = Transfers(
            seed=1, account="usera", recipients=("userb",), key=lab.account_keys["usera"],
            size_bytes=64, form=build(lab.genesis).codec.transactions,
        )  # fmt: skip
        now_ns = time.time_ns()
        sent = [
            transfers.make(n, chain_id=chain_id, block_id=block_id, now_ns=now_ns).raw
            for n in range(COUNT)
        ]
        reasons: list[str] = []
        for at in range(0, COUNT, SUBMITTED_MAX):
            some = sent[at : at + SUBMITTED_MAX]
            reasons += ask(str(node.folder / "sock"), "submit", 20.0, txs=some)["reasons"]
        taken, busy = reasons.count(""), reasons.count("busy")
        assert taken + busy == len(reasons) == COUNT
        assert taken >= ALWAYS

        def dropped() -> int:
            return sum(told.n for told in node.of(events.Dropped) if told.queue == "busy")

        wait_until(lambda: dropped() == busy, "all refusals told")
        wait_until(
            lambda: sum(block.tx_count for block in node.of(events.Applied)) == taken,
            "what was taken in blocks",
        )
        lab.until_lib(node.lib() + 3)
        assert lab.agreed() > 3
