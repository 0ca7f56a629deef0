"""What fuzzing starts from, bodies, transactions, blocks and frames, and how it bends them."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from node.chain.bitshares.contracts.operations import OPERATIONS as OF_BITSHARES
from node.chain.eosio.contracts.operations import OPERATIONS as OF_EOSIO
from node.chain.model.codec import MAX_OPERATIONS
from node.chain.model.transaction import TransactionHeader
from node.network import wire
from tests.unit.node_chain.histories import History
from tests.unit.node_chain.history_worlds import World, world
from tests.unit.node_chain.random_operations import made

OPERATIONS: dict[str, tuple[Any, ...]] = {"eosio": OF_EOSIO, "bitshares": OF_BITSHARES}
TRICKY = (
    b"\x00", b"\x01", b"\x7f", b"\x80", b"\xff", b"\x80\x00", b"\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\x7f", b"\xff" * 8, b"\x00" * 8, b"\x00" * 7 + b"\x40", b"\x00" * 7 + b"\x80",
    b"\x80\x80\x04", b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\x91" * 40,
)  # fmt: skip
"""Ends of ranges, counts that are too long or too large, nesting."""


@dataclass(frozen=True)
class Corpus:
    """Real bytes of one system, by what they are."""

    world: World
    bodies: tuple[bytes, ...]
    transactions: tuple[bytes, ...]
    blocks: tuple[bytes, ...]
    frames: tuple[bytes, ...]
    snapshots: tuple[bytes, ...]
    """Without their checksums."""


@functools.cache
def corpus(system: str) -> Corpus:
    """Return what a few histories of a system are made of, and every operation it has."""
    name, *options = system.split()
    of, rng = world(" ".join((name, "3", *options))), random.Random(7)
    histories = [History(of, seed) for seed in range(4)]
    for history in histories:
        history.grow()
    blocks = [block for history in histories for block in history.blocks.values()]
    form = of.profile.codec.transactions
    bodies = [one.body for history in histories for one in history.sent.values()]
    for kind in OPERATIONS[name] * 4:
        some = [made(kind, rng) for _ in range(rng.randint(1, MAX_OPERATIONS))]
        header = TransactionHeader(rng.getrandbits(32), rng.getrandbits(16), rng.getrandbits(32))
        bodies.append(form.pack(header, some))
    sent = [one.raw for history in histories for one in history.sent.values()]
    raw = [of.profile.codec.encode(block) for block in blocks]
    frames = [
        *map(wire.encode, (wire.TxBodies(sent[n : n + 3]) for n in range(20))),
        *map(wire.encode, (wire.BlockBody(one) for one in raw[:20])),
        wire.encode(wire.SyncBlocks(1, raw[:5], True, False)),
        wire.encode(wire.Have(7, blocks[0].id)),
        wire.encode(wire.Want([block.id for block in blocks[:5]], False)),
        wire.encode(wire.SyncRequest(1, [block.id for block in blocks[:5]])),
        wire.encode(
            wire.Hello(of.profile.chain_id, b"session1", 7, blocks[0].id, 9, 3, blocks[1].id, ["b"])
        ),
    ]
    for history in histories:
        history.play()
    kept = [taken[:-32] for history in histories for taken in history.kept]
    return Corpus(of, *map(tuple, (bodies, sent, raw, frames, kept)))


def bent(seeds: tuple[bytes, ...], rng: random.Random, count: int) -> Iterator[bytes]:
    """Yield count strings of bytes: random, or real ones mutated, cut or spliced."""
    for _ in range(count):
        if rng.random() < 0.05:
            yield rng.randbytes(rng.choice((0, 1, 20, 60, 200)))
            continue
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            _bend(data, seeds, rng)
        yield bytes(data)


def _bend(data: bytearray, seeds: tuple[bytes, ...], rng: random.Random) -> None:
    at = rng.randint(0, len(data))
    match rng.randrange(8):
        case 0 if at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        case 1 if at < len(data):
            data[at] = rng.randrange(256)
        case 2:
            data[at:at] = rng.choice(TRICKY)
        case 3:
            tricky = rng.choice(TRICKY)
            data[at : at + len(tricky)] = tricky
        case 4:
            del data[at : at + rng.choice((1, 1, 2, 8, 40))]
        case 5:
            del data[at:]
        case 6:
            other = rng.choice(seeds)
            data[at:] = other[rng.randint(0, len(other)) :]
        case _:
            data[at:at] = data[at : at + rng.choice((1, 8, 60))]
