"""A real node names what is wrong with each transaction that a client sends, and goes on."""

from __future__ import annotations

from typing import Any

import pytest
from coincurve import PrivateKey

from node import events
from node.chain.model.bitshares_rules import BitsharesRules
from node.chain.model.slot import SlotClock
from node.chain.profiles import build
from node.local.local_api import ask
from tests.process.cluster import Cluster, cluster
from tests.unit.node_chain.bad_transactions import (
    CASES,
    EOSIO_CASES,
    EOSIO_RAW,
    MALFORMED,
    RAW,
    Ground,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.process

SYSTEM_KEY = PrivateKey(b"\x07" * 32)


def ground_of(lab: Cluster, nobody: str) -> Ground:
    """Return the ground of the first node's chain."""
    status, genesis = lab.nodes[0].status(), lab.genesis
    owned = {account.name: account.balance for account in genesis.accounts}
    return Ground(
        form=build(genesis).codec.transactions,
        chain_id=bytes.fromhex(status["chain_id"]),
        head_id=bytes.fromhex(status["head_id"]),
        head_s=SlotClock(genesis.slot_ns).time_ns(status["head_slot"]) // 10**9,
        keys={**lab.account_keys, "eosio": SYSTEM_KEY},
        rich="usera",
        poor="userb",
        owned=owned["usera"],
        nobody=nobody,
    )


@pytest.mark.parametrize(
    ("chain", "nobody", "cases", "raw"),
    [
        (
            {"system_key": SYSTEM_KEY.public_key.format().hex()},
            "nobody", CASES | EOSIO_CASES, RAW | EOSIO_RAW,
        ),
        ({"bitshares": BitsharesRules(block_interval_s=1)}, "1.2.99", CASES, RAW),
    ],
    ids=["eosio", "bitshares"],
)  # fmt: skip
def test_a_node_says_what_is_wrong_with_each_transaction_and_goes_on(
    chain: dict[str, Any], nobody: str, cases: Any, raw: Any
) -> None:
    with cluster(1, observers=1, **chain) as lab:
        lab.start()
        lab.until_lib(3)
        node, ground = lab.nodes[0], ground_of(lab, nobody)

        def submit(*data: bytes) -> list[str]:
            answer = ask(str(node.folder / "sock"), "submit", txs=data)
            assert answer["ok"] is True
            return list(answer["reasons"])

        assert submit(*[build(ground) for build in raw.values()]) == [MALFORMED] * len(raw)
        sent = [build(ground).raw for _, build in cases.values()]
        found = dict(zip(cases, submit(*sent), strict=True))
        assert found == {name: reason for name, (reason, _) in cases.items()}
        assert node.status()["mempool"] == 0

        good = ground.signed()
        assert submit(*[good.raw] * 2) == ["", "duplicate"]
        assert submit(good.raw) == ["duplicate"]
        wait_until(
            lambda: (
                [tx.state for tx in node.of(events.Txs) if tx.ids == [good.id.hex()]][-1:]
                == ["irreversible"]
            ),
            "the good one in an irreversible block",
        )
        assert sum(block.tx_count for block in node.of(events.Applied)) == 1
        lab.until_lib(node.lib())
        digests = [{a.num: a.state_digest for a in one.of(events.Applied)} for one in lab.nodes]
        shared = digests[0].keys() & digests[1].keys()
        assert len(shared) > 3
        assert {num: digests[0][num] for num in shared} == {num: digests[1][num] for num in shared}
