"""Any bytes are refused by a DecodeError, or read as what packs to the same bytes; nothing else."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Callable, Iterable
from hashlib import sha256

import pytest

from node.chain import snapshot
from node.chain.encoding.pack import DecodeError
from node.chain.eosio.transactions import action_text
from node.chain.ledger.ledger import Ledger
from node.chain.model.codec import decode_transaction
from node.chain.model.errors import TransactionRejected
from node.chain.model.transaction import Transaction, read_transaction
from node.network import wire
from tests.unit.node_chain.fuzzing import TRICKY, Corpus, bent, corpus

SYSTEMS = ("eosio", "eosio fio", "bitshares")
FEW, MANY, CHUNKS = 10_000, 25_000, 10
"""Cases in the short test; in one of the long test, of which each target of a system has CHUNKS."""


def bodies(of: Corpus, cases: Iterable[bytes]) -> int:
    """Read bodies, print and execute what is read; return how many were."""
    form, ledger, found = of.world.profile.codec.transactions, fresh_ledger(of), 0
    for body in cases:
        try:
            transaction = read_transaction(body, (), form)
        except DecodeError:
            continue
        found += 1
        assert form.pack(transaction.header, transaction.operations) == body, body.hex()
        json.dumps(printed(of, transaction))
        execute(ledger, transaction)
    ledger.finish(bytes(32))
    ledger.end((ledger._running().block.num).to_bytes(4, "big") + bytes(28))
    return found


def transactions(of: Corpus, cases: Iterable[bytes]) -> int:
    """Read transactions as they are sent; return how many were read."""
    form, found = of.world.profile.codec.transactions, 0
    for data in cases:
        try:
            transaction = decode_transaction(data, form)
        except DecodeError:
            continue
        found += 1
        assert transaction.raw == data, data.hex()
        assert transaction.size_bytes == len(data)
    return found


def blocks(of: Corpus, cases: Iterable[bytes]) -> int:
    """Read blocks; return how many were read."""
    codec, clock, found = of.world.profile.codec, of.world.profile.clock, 0
    for data in cases:
        try:
            block = codec.decode(data)
        except DecodeError:
            continue
        found += 1
        assert codec.encode(block) == data, data.hex()
        if found % 50 == 0:
            json.dumps(codec.printed(block, clock))
    return found


def frames(of: Corpus, cases: Iterable[bytes]) -> int:
    """Read frames and what is in them; return how many were read whole."""
    codec, found = of.world.profile.codec, 0
    for frame in cases:
        try:
            match wire.decode(frame):
                case wire.TxBodies(raws=several):
                    read = [decode_transaction(raw, codec.transactions) for raw in several]
                    assert [one.raw for one in read] == several
                case wire.BlockBody(raw=raw):
                    assert codec.encode(codec.decode(raw)) == raw
                case wire.SyncBlocks(blocks=several):
                    assert [codec.encode(codec.decode(raw)) for raw in several] == several
        except (DecodeError, wire.FrameError):
            continue
        found += 1
    return found


def snapshots(of: Corpus, cases: Iterable[bytes]) -> int:
    """Read snapshots with a checksum that is right; return how many were read."""
    profile, found = of.world.profile, 0
    for file in cases:
        try:
            read = snapshot.decode(file + sha256(file).digest(), profile)
        except DecodeError:
            continue
        found += 1
        of.world.chain(snapshot=read)
    return found


def fresh_ledger(of: Corpus) -> Ledger:
    """Return a ledger whose first block is open."""
    profile = of.world.profile
    ledger = Ledger(
        of.world.genesis, chain_id=profile.chain_id, genesis_id=profile.genesis_state.id,
        rules=profile.transaction_rules,
    )  # fmt: skip
    first = profile.genesis_state
    ledger.begin(first, first.next_slot, profile.clock.time_ns(first.next_slot))
    return ledger


def execute(ledger: Ledger, transaction: Transaction) -> None:
    """Execute a transaction on trust; if it is refused, all is as it was."""
    before = ledger._state.savepoint()
    try:
        ledger.execute(transaction, None)
    except TransactionRejected:
        assert ledger._state.savepoint() == before


def printed(of: Corpus, transaction: Transaction) -> list[object]:
    """Return the operations as public APIs print them."""
    form = of.world.profile.codec.transactions
    show = getattr(form, "operation_text", action_text)
    return [show(operation) for operation in transaction.operations]


Target = Callable[[Corpus, Iterable[bytes]], int]
TARGETS: tuple[Target, ...] = (bodies, transactions, blocks, frames, snapshots)
"""Each is named as what it reads is in `Corpus`."""
each_target = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)


@each_target
@pytest.mark.parametrize("system", SYSTEMS)
def test_any_bytes_are_refused_or_are_what_is_packed_again(system: str, target: Target) -> None:
    of, count = corpus(system), FEW // len(TARGETS)
    found = target(of, bent(getattr(of, target.__name__), random.Random(1), count))
    assert count // 100 < found < count, "some are read, some are not: otherwise this shows little"


@pytest.mark.long
@each_target
@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_million_bytes_are_refused_or_are_what_is_packed_again(
    system: str, target: Target, chunk: int
) -> None:
    of, rng = corpus(system), random.Random(f"{target.__name__} {chunk}")
    assert target(of, bent(getattr(of, target.__name__), rng, MANY)) > 0


@each_target
@pytest.mark.parametrize("system", SYSTEMS)
def test_whatever_counts_bytes_claim_reading_them_takes_little_memory(
    system: str, target: Target
) -> None:
    of = corpus(system)
    seed = min(getattr(of, target.__name__), key=len)
    claims = [seed[:at] + tricky for at in range(len(seed)) for tricky in TRICKY]
    target(of, claims[:1])
    tracemalloc.start()
    target(of, claims)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
