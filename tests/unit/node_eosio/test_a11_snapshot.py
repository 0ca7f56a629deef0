"""A chain that starts from a snapshot is the chain that replayed everything."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from node.chain import snapshot
from node.chain.chain import Chain
from node.chain.encoding.pack import DecodeError
from node.chain.model.block import SignedBlock
from node.chain.model.messages import BlockRestored
from node.chain.model.watermark import Watermark
from node.chain.profiles import build
from tests.unit.node_chain.builders import (
    START_SLOT,
    blocks_of,
    make_chain,
    make_genesis,
    producer_names,
    receive,
    submit,
    tick,
    transfer,
)
from tests.unit.node_eosio.proposals import set_producers
from tests.unit.node_eosio.test_a7_setprods import GENESIS

NAMES = producer_names(4)
PROFILE = build(GENESIS)


def started(raw: bytes, *names: str) -> Chain:
    """Return a chain that begins with the snapshot in raw and signs for the names."""
    marks = [Watermark(producer=name, num=0, slot=0) for name in names]
    return make_chain(GENESIS, names, watermarks=marks, snapshot=snapshot.decode(raw, PROFILE))


def grown(slots: int, propose_at: int = -1) -> tuple[Chain, list[SignedBlock]]:
    """Return a chain with a transfer a block and maybe a schedule change, and its blocks."""
    chain = make_chain(GENESIS, NAMES, enable_stale_production=True)
    blocks: list[SignedBlock] = []
    for i in range(slots):
        if i == propose_at:
            submit(chain, set_producers(chain, *NAMES[:3]), slot=START_SLOT + i)
        submit(chain, transfer(chain, 1 + i % 7), slot=START_SLOT + i)
        blocks += blocks_of(tick(chain, START_SLOT + i))
    return chain, blocks


def taken(chain: Chain) -> bytes:
    """Return the bytes of chain's snapshot."""
    return snapshot.encode(chain.snapshot(), chain_id=chain.chain_id)


def same(one: Chain, other: Chain) -> None:
    """Check that both chains are at the same place in the same state."""
    assert one.head == other.head
    assert one.lib == other.lib
    assert one.state_digest == other.state_digest
    assert one.schedule == other.schedule
    assert one.branch_ids(1) == other.branch_ids(1)
    for user in ("usera", "userb"):
        assert one.balance(user) == other.balance(user)


@pytest.mark.parametrize("propose_at", [-1, 20, 26, 30, 34, 38])
def test_a_snapshot_and_the_blocks_after_it_give_the_same_state_as_a_replay(
    propose_at: int,
) -> None:
    full, blocks = grown(40, propose_at)
    twin = started(taken(full))
    assert twin.head.num == twin.lib.num == full.lib.num
    for block in blocks:
        if block.num > twin.lib.num:
            twin.step(BlockRestored(block=block, irreversible=False))
    same(twin, full)
    for i in range(40, 70):
        for block in blocks_of(tick(full, START_SLOT + i)):
            receive(twin, block)
    same(twin, full)


def test_a_snapshot_is_of_an_irreversible_block_although_the_head_is_further() -> None:
    full, _ = grown(40)
    kept = full.snapshot()()
    assert kept.state.num == full.lib.num < full.head.num
    before = full.state_digest
    assert full.snapshot()() == kept
    assert full.state_digest == before


def test_replay_protection_and_tapos_survive_in_a_snapshot() -> None:
    full, blocks = grown(40)
    twin = started(taken(full))
    old = next(block for block in blocks if block.num <= full.lib.num and block.transactions)
    assert twin._ledger.has_transaction(old.transactions[0].id)
    assert twin.has_block(old.id)


def test_tables_longer_than_a_piece_come_back_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    full, _ = grown(40)
    whole = snapshot.decode(taken(full), PROFILE)
    monkeypatch.setattr(snapshot, "_PIECE_ROWS", 3)
    assert snapshot.decode(taken(full), PROFILE) == whole


def test_a_snapshot_of_now_is_of_now_whatever_comes_before_it_is_encoded() -> None:
    full, _ = grown(30, 20)
    now, frozen = taken(full), full.snapshot()
    for i in range(30, 40):
        submit(full, transfer(full, 1 + i % 7), slot=START_SLOT + i)
        tick(full, START_SLOT + i)
    assert full.lib.num > snapshot.decode(now, PROFILE).state.num
    assert b"".join(snapshot.pieces(frozen, chain_id=full.chain_id)) == now


def test_a_snapshot_at_genesis_is_the_genesis_state() -> None:
    fresh = make_chain(GENESIS)
    same(started(taken(fresh)), fresh)


def test_a_snapshot_of_another_chain_or_version_or_damaged_is_refused() -> None:
    raw = taken(make_chain(GENESIS))
    other = build(make_genesis(3))
    with pytest.raises(DecodeError, match="of chain"):
        snapshot.decode(raw, other)
    with pytest.raises(DecodeError, match="v1' is not"):
        snapshot.decode(summed(raw[:-32].replace(b"snapshot/v2", b"snapshot/v1")), PROFILE)
    for short in (b"", raw[:3], raw[:-33], raw[:-32] + b"\0"):
        with pytest.raises(DecodeError, match="its end is missing"):
            snapshot.decode(summed(short), PROFILE)
    for bad in (b"", raw[:-1], raw[1:], raw + b"x", raw[:500] + b"x" + raw[501:]):
        with pytest.raises(DecodeError, match="its checksum is wrong"):
            snapshot.decode(bad, PROFILE)


def summed(file: bytes) -> bytes:
    """Return a file with the checksum that it should have."""
    return file + sha256(file).digest()


def bent(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return the bytes of a snapshot whose tables were changed, with a good checksum."""
    head, *parts = snapshot.read_pieces(taken(grown(20, 12)[0])[:-32])
    tables = dict(msgspec.msgpack.decode(part) for part in parts)
    change(tables)
    changed = [head, *(msgspec.msgpack.encode(part) for part in tables.items())]
    return summed(b"".join(snapshot.piece(each) for each in changed))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tables: tables.pop("balances"), "table 'balances' is missing or unknown"),
        (lambda tables: tables.update(more={}), "table 'more' is missing or unknown"),
        (lambda tables: tables["balances"].update(usera="1000"), "table 'balances': Expected"),
        (lambda tables: tables["balances"].update(usera=1.5), "table 'balances': Expected"),
        (lambda tables: tables["balances"].update({b"usera": 1}), "table 'balances': Expected"),
        (
            lambda tables: tables["balances"].update(usera=msgspec.msgpack.Ext(1, bytes(99))),
            "table 'balances': Expected",
        ),
        (lambda tables: tables["seen"].update({"id": 1}), "table 'seen': Expected"),
        (lambda tables: tables["ring"].update({1: "id"}), "table 'ring': "),
        (lambda tables: tables["schedules"].update(latest=[]), "table 'schedules': "),
        (lambda tables: tables["proposals"].update(waiting=None), "table 'proposals': "),
        (lambda tables: tables.update(accounts=[]), "Expected `object`, got `array`"),
    ],
)  # fmt: skip
def test_tables_that_are_not_those_of_the_chain_are_named(
    change: Callable[[dict[str, Any]], object], said: str
) -> None:
    with pytest.raises(DecodeError, match=said):
        snapshot.decode(bent(change), PROFILE)
    assert snapshot.decode(bent(lambda _: None), PROFILE).state.num > 1
