"""C.8: the fork database. Trees of labelled blocks, fed in an order that is a claim."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from node.chain.chain import Chain
from node.chain.encoding.crypto import sign
from node.chain.genesis import Genesis
from node.chain.model.block import SignedBlock
from node.events import Abstained, Irreversible, Record, Rejected, Switched
from tests.unit.node_bitshares.world import START_SLOT, bitshares_genesis
from tests.unit.node_chain.builders import (
    blocks_of,
    make_chain,
    notices,
    of_kind,
    producer_names,
    receive,
    secret,
    tick,
)

NAMES = producer_names(4)
GENESIS = bitshares_genesis(4)


class Tree:
    """Blocks by label; grow makes a branch: slots as offsets from the first slot."""

    def __init__(self, genesis: Genesis = GENESIS) -> None:
        self.genesis = genesis
        self.blocks: dict[str, SignedBlock] = {}

    def grow(self, base: str, labels: str, slots: Sequence[int]) -> Tree:
        """Add a branch on what base names (labels in order)."""
        maker = make_chain(self.genesis, NAMES, enable_stale_production=True)
        self.feed(maker, base)
        for label, slot in zip(labels.split(), slots, strict=True):
            (self.blocks[label],) = blocks_of(tick(maker, START_SLOT + slot))
        return self

    def feed(self, chain: Chain, labels: str) -> list[Record]:
        """Give the blocks to a chain, at a time when none is in its future."""
        told: list[Record] = []
        for label in labels.split():
            told.extend(notices(receive(chain, self.blocks[label], now_slot=START_SLOT + 500)))
        return told

    def label(self, block_id: bytes) -> str:
        """Return the label of a block."""
        return next(name for name, block in self.blocks.items() if block.id == block_id)

    def transcript(self, labels: str) -> list[str]:
        """Return `fed -> head` for each block in order."""
        chain, lines = make_chain(self.genesis), []
        for label in labels.split():
            self.feed(chain, label)
            lines.append(f"{label} -> {self.label(chain.head.id)}")
        return lines


def three_branches() -> Tree:
    """Return base, then a1-a2, b1-b2-b3, c1, with no witness enough for finality."""
    tree = Tree()
    tree.grow("", "base", [0])
    tree.grow("base", "a1 a2", [4, 8])
    tree.grow("base", "b1 b2 b3", [5, 9, 13])
    return tree.grow("base", "c1", [6])


def test_a_new_block_is_head_only_if_it_is_longer_and_first_seen_wins_ties() -> None:
    tree = three_branches()
    assert tree.transcript("base a1 b1 b2 a2 c1 b3") == [
        "base -> base", "a1 -> a1", "b1 -> a1", "b2 -> b2", "a2 -> b2", "c1 -> b2", "b3 -> b3",
    ]  # fmt: skip
    assert tree.transcript("base c1 a1 b1 a2 b2 b3") == [
        "base -> base", "c1 -> c1", "a1 -> c1", "b1 -> c1", "a2 -> a2", "b2 -> a2", "b3 -> b3",
    ]  # fmt: skip


def test_a_switch_pops_to_the_ancestor_and_pushes_the_other_branch() -> None:
    tree, chain = three_branches(), make_chain(GENESIS)
    told = tree.feed(chain, "base a1 a2 b1 b2 b3")
    (switched,) = [record for record in told if isinstance(record, Switched)]
    assert (switched.old, switched.new) == (tree.blocks["a2"].id.hex(), tree.blocks["b3"].id.hex())
    assert (switched.depth, switched.ancestor_num) == (2, 1)
    straight = make_chain(GENESIS)
    tree.feed(straight, "base b1 b2 b3")
    assert chain.state_digest == straight.state_digest
    assert chain.schedule == straight.schedule


def test_a_longer_branch_with_less_finality_wins() -> None:
    """No LIB in the order: the branch here would lose under (lib, num)."""
    tree = Tree()
    tree.grow("", "base", [0])
    tree.grow("base", "a1 a2 a3", [4, 5, 6])
    solo = make_chain(GENESIS, NAMES, enable_stale_production=True)
    tree.feed(solo, "base")
    mine, labels = [], []
    for slot in range(START_SLOT + 7, START_SLOT + 60):
        if len(mine) == 4:
            break
        if solo.producer_for(slot) in NAMES[:2]:
            mine.extend(blocks_of(tick(solo, slot)))
    for n, block in enumerate(mine, start=1):
        tree.blocks[f"b{n}"] = block
        labels.append(f"b{n}")
    loose = make_chain(GENESIS)
    tree.feed(loose, "base a1 a2")
    assert (loose.head.num, loose.lib.num) == (3, 1)
    tree.feed(loose, " ".join(labels))
    assert tree.label(loose.head.id) == "b4"
    assert loose._fork_db.head.state.lib_num == 0
    assert loose.lib.num == 1


def rivals(genesis: Genesis) -> tuple[Tree, Chain, int]:
    """Return a tree, a chain with g1 to g6, and its last irreversible number lib.

    r1, r2, …: a longer branch that begins with a rival of the irreversible block itself.
    """
    tree, chain = Tree(genesis), make_chain(genesis)
    tree.grow("", "g1 g2 g3 g4 g5 g6", [0, 4, 5, 6, 7, 8])
    tree.feed(chain, "g1 g2 g3 g4 g5 g6")
    lib = chain.lib.num
    below = " ".join(f"g{num}" for num in range(1, lib))
    tree.grow(below, "r1 r2 r3 r4 r5", [9, 10, 11, 12, 13])
    return tree, chain, lib


def test_strictly_what_is_irreversible_is_never_undone() -> None:
    tree, chain, lib = rivals(GENESIS)
    told = tree.feed(chain, "r1")
    assert [r.reason for r in told if isinstance(r, Rejected)] == ["before_irreversible"]
    assert tree.label(chain.head.id) == "g6"
    assert chain.lib.num == lib


def test_in_the_faithful_window_a_rival_of_the_irreversible_block_undoes_it() -> None:
    genesis = bitshares_genesis(4, faithful_window=True)
    tree, chain, lib = rivals(genesis)
    labels = [f"r{n}" for n in range(1, 6)]
    told = tree.feed(chain, " ".join(labels))
    switched = [record for record in told if isinstance(record, Switched)]
    assert [record.ancestor_num for record in switched] == [lib - 1]
    assert tree.label(chain.head.id).startswith("r")
    assert chain.lib.num >= lib
    nums = [record.num for record in told if isinstance(record, Irreversible)]
    assert all(num > lib for num in nums)


def test_in_the_faithful_window_two_below_is_still_too_old() -> None:
    genesis = bitshares_genesis(4, faithful_window=True)
    tree, chain, lib = rivals(genesis)
    tree.grow("g1", "deep", [12])
    assert lib > 2
    (record,) = tree.feed(chain, "deep")
    assert isinstance(record, Rejected)
    assert record.reason in ("before_irreversible", "unlinkable")


def silent_chain(limit: int) -> tuple[Chain, list[str]]:
    """Return a chain that produced with two of four witnesses, and the words of empty slots."""
    genesis = bitshares_genesis(4, undo_limit=limit, required_participation=0)
    chain = make_chain(genesis, NAMES[:2], enable_stale_production=True)
    words: list[str] = []
    for slot in range(START_SLOT, START_SLOT + 120):
        effects = tick(chain, slot)
        words.extend(record.reason for record in of_kind(effects, Abstained))
    return chain, words


@pytest.mark.parametrize("limit", [5, 20])
def test_so_many_blocks_without_finality_halt_the_chain(limit: int) -> None:
    """Row 32 of the fault catalogue; 10,000 upstream."""
    chain, words = silent_chain(limit)
    assert chain.head.num == limit - 1
    assert chain.lib.num == 0
    assert set(words) == {"undo_history"}


def test_peers_refuse_the_block_beyond_the_undo_limit() -> None:
    chain, _ = silent_chain(5)
    maker, _ = silent_chain(9)
    # The same two witnesses, so the same blocks up to the limit.
    beyond = maker._fork_db.get(maker.branch_ids(5)[0])
    assert beyond is not None
    (record,) = of_kind(receive(chain, beyond.signed, now_slot=START_SLOT + 500), Rejected)
    assert record.reason == "undo_history"


def test_a_foreign_signed_fork_is_refused_before_insertion() -> None:
    tree, chain = three_branches(), make_chain(GENESIS)
    tree.feed(chain, "base")
    good = tree.blocks["a1"]
    stranger = sign(secret("stranger"), good.header.digest())  # type: ignore[attr-defined]
    (record,) = notices(receive(chain, dataclasses.replace(good, signature=stranger)))
    assert isinstance(record, Rejected)
    assert record.reason == "bad_signature"
    assert len(chain._fork_db) == 2
