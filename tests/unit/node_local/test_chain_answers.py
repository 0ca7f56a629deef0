"""What a node tells of its blocks and transactions: by number, by id, in parts, whatever is asked.

A chain of one node that has all keys, and its store; harness/inspect reads back what is printed.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.inspect.explain import inspect_block
from node.chain.chain import Chain
from node.chain.genesis import Genesis
from node.chain.model import messages
from node.chain.model.block import SignedBlock
from node.chain.model.transaction import Transaction
from node.local import chain_answers
from node.local.chain_answers import ChainAnswers
from node.local.local_api import Reply, Request
from node.local.query import query
from node.storage.database import StoredBlock
from node.storage.store import Store
from tests.unit.node_bitshares.world import bitshares_genesis, paid
from tests.unit.node_chain.builders import (
    blocks_of,
    make_chain,
    make_genesis,
    producer_names,
    receive,
    submit,
    tick,
    transfer,
)
from tests.unit.node_local.test_local_api import served

FIO_FIELDS = (
    "timestamp producer confirmed previous transaction_mroot action_mroot schedule_version"
    " new_producers header_extensions producer_signature transactions block_extensions"
    " id block_num ref_block_prefix"
).split()
TOLD_BESIDE = [
    "irreversible", "ok", "on_head_branch", "transactions_left", "confirmations", "producers",
    "safe",
]  # fmt: skip


class Told:
    """A chain whose blocks are stored as a node does; told: what it says of them."""

    def __init__(self, folder: Path, genesis: Genesis, producers: Sequence[str]) -> None:
        self.chain = make_chain(genesis, producers, enable_stale_production=True)
        self.store = Store(folder, self.chain.chain_id)
        self.told = ChainAnswers(self.chain, self.store)
        self.blocks: list[SignedBlock] = []

    def carry_out(self, effects: list[messages.Effect]) -> None:
        self.blocks += blocks_of(effects)
        for effect in effects:
            match effect:
                case messages.Persist(block=block, raw=raw):
                    kept = StoredBlock(num=block.num, id=block.id, previous=block.previous, raw=raw)
                    self.store.put(kept)
                case messages.Finalize(num=num, id=block_id):
                    self.store.finalize(num, block_id)

    def run(self, slots: int, *transactions: Transaction) -> None:
        """Let the transactions in, then so many slots pass."""
        first = self.chain.head.slot + 1
        for transaction in transactions:
            assert not isinstance(
                submit(self.chain, transaction, slot=first - 1)[0], messages.Refuse
            )
        for slot in range(first, first + slots):
            self.carry_out(tick(self.chain, slot))

    def block(self, of: object, start: int = 0) -> Any:
        return self.told.block(Request(op="block", of=str(of), start=start))

    def transaction(self, transaction: Transaction, start: int = 0) -> Any:
        request = Request(op="transaction", of=transaction.id.hex(), start=start)
        return self.told.transaction(request)


Make = Callable[[], Told]


@pytest.fixture(params=["eosio", "bitshares"])
def profile(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def make(tmp_path: Path, profile: str) -> Make:
    """Return what makes a node of four producers."""

    def build() -> Told:
        genesis = make_genesis() if profile == "eosio" else bitshares_genesis()
        return Told(tmp_path, genesis, producer_names(4))

    return build


def paid_by(chain: Chain, profile: str, amount: int) -> Transaction:
    """Return a transfer of usera's that the chain's system takes."""
    return transfer(chain, amount) if profile == "eosio" else paid(chain, amount=amount)


def test_a_block_has_its_number_and_id_the_documents_fields_and_reads_back(
    make: Make, profile: str
) -> None:
    node = make()
    node.run(1)
    node.run(40, paid_by(node.chain, profile, 7))
    for block in node.blocks:
        found = node.block(block.num)
        assert node.block(block.id.hex()) == found
        assert (found["block_num"], found["id"]) == (block.num, block.id.hex())
        assert (found["producer"], found["previous"]) == (block.producer, block.previous.hex())
        assert found["irreversible"] == (block.num <= node.chain.lib.num)
        assert (found["on_head_branch"], found["transactions_left"]) == (True, 0)
        read = inspect_block(found, profile)
        assert read["id_matches"] is True
        assert read["ref_block_prefix"] == found["ref_block_prefix"]
        if profile == "eosio":
            assert sorted(found) == sorted([*FIO_FIELDS, *TOLD_BESIDE])
            assert read["root_matches"] is True
            assert read["transactions"] == [t.id.hex() for t in block.transactions]
    (full,) = [block for block in node.blocks if block.transactions]
    (said,) = node.block(full.num)["transactions"]
    action = said["trx"]["transaction"]["actions"][0] if profile == "eosio" else None
    name, data = said["operations"][0] if action is None else (action["name"], action["data"])
    sides = {"from": "usera", "to": "userb", "memo": ""}
    core = {"fee": {"amount": 0, "asset_id": "1.3.0"}, "amount": {"amount": 7, "asset_id": "1.3.0"}}
    assert (name, data) == {
        "eosio": ("transfer", {**sides, "quantity": "0.0007 EOS"}),
        "bitshares": (0, {**core, **sides, "extensions": []}),
    }[profile]


def test_a_transaction_is_found_wherever_it_is_on_the_heads_branch(
    make: Make, profile: str
) -> None:
    node = make()
    node.run(1)
    old, new, waits = (paid_by(node.chain, profile, amount) for amount in (1, 2, 3))
    node.run(40, old)
    node.run(1, new)
    node.run(0, waits)
    final, reversible = node.transaction(old), node.transaction(new)
    assert (final["block_num"], final["irreversible"]) == (node.blocks[1].num, True)
    assert (reversible["block_id"], reversible["irreversible"]) == (
        node.chain.head.id.hex(), False,
    )  # fmt: skip
    assert reversible["transaction"] == node.block(node.chain.head.num)["transactions"][0]
    waiting = {
        "ok": True, "id": waits.id.hex(), "block_num": None, "irreversible": False,
        "confirmations": 0, "producers": 4, "safe": False,
    }  # fmt: skip
    assert node.transaction(waits) == waiting
    for found, confirmed in ((final, 4), (reversible, 1)):
        said = found["confirmations"], found["producers"], found["safe"]
        assert said == (confirmed, 4, confirmed >= 2)
        block = node.block(found["block_num"])
        assert said == (block["confirmations"], block["producers"], block["safe"])
    assert node.transaction(old, start=node.blocks[1].num)["reason"] == "not_here"


def test_a_block_of_a_lost_branch_is_there_by_its_id_alone(tmp_path: Path) -> None:
    a, b = producer_names(2)
    genesis = make_genesis(2, 2)
    left, right = Told(tmp_path / "l", genesis, [a]), Told(tmp_path / "r", genesis, [b])
    left.run(2)
    right.run(8)
    lost, better = left.blocks, right.blocks
    for block in better:
        left.carry_out(receive(left.chain, block, now_slot=block.slot))
    assert left.chain.branch_ids(2)[0] == better[0].id != lost[0].id
    assert left.block(lost[0].num)["id"] == better[0].id.hex()
    found = left.block(lost[0].id.hex())
    assert (found["id"], found["on_head_branch"], found["irreversible"]) == (
        lost[0].id.hex(), False, False,
    )  # fmt: skip


def test_what_is_told_in_parts_is_put_together_by_the_asker(
    make: Make, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_answers, "PART_BYTES", 600)
    asked: list[Request] = []
    ids: list[str] = []

    @functools.cache
    def node() -> Told:  # In the server's own thread, for the store is of one.
        made = make()
        made.run(1)
        transactions = [paid_by(made.chain, profile, amount) for amount in range(1, 21)]
        ids.extend(transaction.id.hex() for transaction in transactions)
        made.run(60, *transactions)
        return made

    def answer(request: Request) -> Reply:
        asked.append(request)
        told = node().told
        return told.block(request) if request.op == "block" else told.transaction(request)

    with tempfile.TemporaryDirectory(prefix="sla") as name, served(f"{name}/s", answer):
        whole = query(f"{name}/s", "block", "3" if profile == "eosio" else "2")
        parts = len(asked)
        found = query(f"{name}/s", "transaction", ids[-1])
        missing = query(f"{name}/s", "transaction", "00" * 32)
    read = inspect_block(whole, profile)
    told = [
        entry["trx"]["id"] if "trx" in entry else entry["id"] for entry in whole["transactions"]
    ]
    assert told == ids
    assert read["root_matches"] is (True if profile == "eosio" else None)
    assert 1 < parts < 20
    assert (found["block_id"], found["transaction"]) == (whole["id"], whole["transactions"][-1])
    assert missing["reason"] == "not_here"
    assert len(asked) > parts + 2


@pytest.mark.parametrize(
    ("of", "reason", "detail"),
    [
        ("", "bad_request", "block '': write its number or its id"),
        ("-1", "bad_request", "block '-1': write its number or its id"),
        ("abc", "bad_request", "block 'abc': write its number or its id"),
        ("99", "not_here", "block 99: not here; block 11 is the head and block "),
        ("ab" * 32, "not_here", f"block {'ab' * 32}: not here; block 11 is the head"),
        ("9" * 19, "not_here", f"block {'9' * 19}: not here; "),
    ],
)
@pytest.mark.parametrize("profile", ["eosio"])
def test_what_is_not_here_or_no_block_at_all_is_said_in_a_line(
    make: Make, of: str, reason: str, detail: str
) -> None:
    node = make()
    node.run(10)
    found = node.block(of)
    assert (found["ok"], found["reason"]) == (False, reason)
    assert found["detail"].startswith(detail)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    of=st.text(max_size=70) | st.from_regex(r"[0-9a-f]{0,66}", fullmatch=True),
    start=st.integers(0, 2**63 - 1),
)
def test_whatever_is_asked_there_is_an_answer(of: str, start: int, tmp_path: Path) -> None:
    node = told_once(tmp_path)
    for op in ("block", "transaction"):
        request = Request(op=op, of=of, start=start)
        found: Any = node.told.block(request) if op == "block" else node.told.transaction(request)
        assert found["ok"] or "\n" not in found["detail"]


@functools.cache
def told_once(folder: Path) -> Told:
    """Return a node with ten blocks."""
    node = Told(folder, make_genesis(), producer_names(4))
    node.run(10)
    return node
