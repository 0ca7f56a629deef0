"""Blocks that name transactions: what crosses a link, what is put together, what is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from node.chain.model.block import SignedBlock
from node.chain.model.transaction import Transaction, read_transaction
from node.chain.profiles import build
from node.network import briefs, wire
from node.network.briefs import Briefs, Unfit
from tests.unit.node_chain.builders import make_genesis, transfer
from tests.unit.node_chain.histories import History
from tests.unit.node_chain.history_worlds import World, world
from tests.unit.node_network.meshes import FETCH_NS, Mesh

ALL = ("hosta", "hostb", "hostc")
FULL = {host: [peer for peer in ALL if peer != host] for host in ALL}
ROOMY = make_genesis(3, 1)
WORLDS = {"eosio": World(ROOMY, build(ROOMY)), "bitshares": world("bitshares 3")}


@pytest.fixture(params=WORLDS)
def mesh(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Mesh]:
    """Yield three nodes that reach each other; hosta makes the first block."""
    made = Mesh(tmp_path, WORLDS[request.param], FULL, monkeypatch)
    made.produce()
    made.settle()
    made.turn_of("hosta")
    yield made
    made.close()


def pay(mesh: Mesh, host: str, count: int) -> list[Transaction]:
    """Return transfers that a client of host handed in; they are on their way everywhere."""
    chain = mesh[host].chain
    made = [transfer(chain, 1, memo=bytes([n])) for n in range(count)]
    for transaction in made:
        mesh[host].take(transaction)
    mesh.settle(wait_ns=FETCH_NS)
    mesh.sent.clear()
    return made


def agree(mesh: Mesh, count: int) -> None:
    """Check that all members have one head, and its bytes, and that it holds count transactions."""
    (head,) = {member.chain.head.id for member in mesh.members.values()}
    (raw,) = {member.store.raw(head) for member in mesh.members.values()}
    assert raw is not None
    assert len(mesh.world.profile.codec.decode(raw).transactions) == count


def test_a_block_of_what_its_receivers_have_crosses_links_as_names(mesh: Mesh) -> None:
    pay(mesh, "hostb", 6)
    mesh.produce()
    mesh.settle()
    named = [(a, b, kind) for a, b, kind in mesh.blocks_sent()]
    assert named == [("hosta", peer, "BlockBrief") for peer in ("hostb", "hostc")]
    agree(mesh, 6)


def test_what_a_receiver_lacks_of_a_brief_is_sent_after_it(mesh: Mesh) -> None:
    pay(mesh, "hostb", 11)
    late = transfer(mesh["hosta"].chain, 2)
    mesh.loses = lambda _, b, m: b == "hostc" and isinstance(m, wire.TxBodies)
    mesh["hosta"].take(late)
    mesh.settle()
    mesh.produce()
    mesh.settle()
    parts = [m for _, _, m in mesh.sent if isinstance(m, wire.BlockParts)]
    assert [part.raws for part in parts] == [[late.raw]]
    assert mesh.blocks_sent() == [
        ("hosta", "hostb", "BlockBrief"),
        ("hosta", "hostc", "BlockBrief"),
        ("hostc", "hosta", "WantParts"),
        ("hosta", "hostc", "BlockParts"),
    ]
    agree(mesh, 12)


def test_a_block_of_another_branch_is_made_whole_of_what_blocks_here_hold(mesh: Mesh) -> None:
    pay(mesh, "hosta", 6)
    mesh.loses = lambda a, b, m: b == "hostb"
    mesh.produce()
    mesh.settle()
    mesh.turn_of("hostb")
    mesh.loses = lambda *_: False
    mesh.produce()
    mesh.settle()
    assert mesh.blocks_sent() == [("hostb", peer, "BlockBrief") for peer in ("hosta", "hostc")]
    theirs = mesh["hostb"].chain.head
    assert all(member.chain.has_block(theirs.id) for member in mesh.members.values())


def test_a_peer_that_knows_too_few_is_sent_the_block(mesh: Mesh) -> None:
    mesh.loses = lambda a, b, m: isinstance(m, wire.TxBodies)
    pay(mesh, "hosta", 6)
    mesh["hosta"].net._gossip.forget("hostc")
    mesh.produce()
    mesh.settle()
    sent = [(b, kind) for a, b, kind in mesh.blocks_sent() if a == "hosta"]
    assert ("hostc", "BlockBody") in sent
    assert ("hostb", "BlockBrief") in sent
    agree(mesh, 6)


@pytest.mark.parametrize("lost", [wire.WantParts, wire.BlockParts])
def test_a_brief_that_nobody_completes_is_asked_for_whole(mesh: Mesh, lost: Any) -> None:
    mesh.loses = lambda a, b, m: (
        isinstance(m, lost) or (b == "hostc" and isinstance(m, wire.TxBodies))
    )
    pay(mesh, "hosta", 6)
    mesh.produce()
    mesh.settle()
    assert mesh["hostc"].chain.head.num < mesh["hosta"].chain.head.num
    mesh.settle(wait_ns=briefs.WAIT_NS)
    asked = [m for _, _, m in mesh.sent if isinstance(m, wire.Want)]
    assert [(len(want.ids), want.whole) for want in asked] == [(1, True)]
    assert mesh.blocks_sent()[-1][2] == "BlockBody"
    agree(mesh, 6)


def test_a_transaction_that_is_signed_otherwise_does_not_stand_for_the_one_in_the_block(
    mesh: Mesh,
) -> None:
    (there,) = pay(mesh, "hosta", 1)
    form = mesh.world.profile.codec.transactions
    signature = bytes([there.signatures[0][0] ^ 1]) + there.signatures[0][1:]
    here = read_transaction(there.body, (signature,), form)
    pool = mesh["hostc"].chain.mempool
    pool.remove(there.id)
    pool.add(here)
    mesh.produce()
    mesh.settle()
    assert ("hosta", "hostc", "BlockBrief") in mesh.blocks_sent()
    agree(mesh, 1)
    assert not [r for m in mesh.members.values() for r in m.told if "reject" in type(r).__name__]


def test_an_announced_block_is_asked_for_and_comes_as_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"hosta": ["hostb"], "hostb": ["hosta", "hostc"], "hostc": ["hostb"]}
    mesh = Mesh(tmp_path, WORLDS["eosio"], line, monkeypatch)
    mesh.produce()
    mesh.settle(wait_ns=FETCH_NS)
    mesh.turn_of("hosta")
    pay(mesh, "hostc", 6)
    mesh.produce()
    mesh.settle(wait_ns=FETCH_NS)
    assert mesh.blocks_sent() == [
        ("hosta", "hostb", "BlockBrief"),
        ("hostc", "hostb", "Want"),
        ("hostb", "hostc", "BlockBrief"),
    ]
    agree(mesh, 6)
    mesh.close()


# ---------------------------------------------------------------- briefs alone


def of_history(system: str) -> tuple[Briefs, list[SignedBlock], Any]:
    """Return briefs before an empty mempool, full blocks, and that mempool."""
    history = History(world(system), 5)
    history.grow()
    chain = world(system).chain()
    full = [block for block in history.blocks.values() if block.transactions]
    return Briefs(chain, bytes_max=1 << 20), full, chain.mempool


@pytest.mark.parametrize("system", ["eosio 3", "eosio 3 fio", "bitshares 3", "bitshares 3 votes"])
def test_what_is_filled_has_the_very_bytes_of_the_block(system: str) -> None:
    made, blocks, mempool = of_history(system)
    codec = world(system).profile.codec
    whole = made._chain.is_whole
    fitting = [block for block in blocks if whole(block)]
    assert fitting
    for block in fitting:
        cut = briefs.cut(block, codec)
        assert cut is not None
        for transaction in block.transactions:
            if transaction.id not in mempool:
                mempool.add(transaction)
        filled = made.open("peer", *made.read(cut), 0)
        assert isinstance(filled, SignedBlock)
        assert codec.encode(filled) == codec.encode(block)
        assert filled == block


def alone(system: str = "eosio 3") -> tuple[Briefs, SignedBlock, wire.BlockBrief]:
    """Return briefs that know nothing, and a whole block of several transactions, and its brief."""
    made, blocks, _ = of_history(system)
    whole = made._chain.is_whole
    block = max((b for b in blocks if whole(b)), key=lambda b: len(b.transactions))
    cut = briefs.cut(block, world(system).profile.codec)
    assert cut is not None
    return made, block, cut


def test_parts_make_a_brief_whole_once() -> None:
    made, block, cut = alone()
    count = len(block.transactions)
    assert made.open("peer", *made.read(cut), 0) == list(range(count))
    raws = [transaction.raw for transaction in block.transactions]
    answer = wire.BlockParts(block.id, raws)
    assert made.fill("another", answer) is None
    assert made.fill("peer", answer) == block
    assert made.fill("peer", answer) is None
    assert len(made) == 0


@pytest.mark.parametrize("order", [[1], [0, 1, 0], [1, 0], [0, 0]])
def test_an_answer_of_other_transactions_is_unfit(order: list[int]) -> None:
    made, block, cut = alone()
    made.open("peer", *made.read(cut), 0)
    raws = [block.transactions[position].raw for position in order]
    with pytest.raises(Unfit):
        made.fill("peer", wire.BlockParts(block.id, raws))
    assert len(made) == 0


def test_so_many_briefs_wait_and_of_one_peer_so_many_until_their_time_is_over() -> None:
    made, _, cut = alone()
    shell, shorts = made.read(cut)

    def other(n: int) -> SignedBlock:
        return replace(shell, header=replace(shell.header, confirmed=n))  # type: ignore[type-var]

    for n in range(briefs.OPEN_OF_PEER_MAX):
        made.open("peer", other(n), shorts, 0)
    with pytest.raises(Unfit):
        made.open("peer", other(99), shorts, 0)
    for n in range(4, briefs.OPEN_MAX):
        made.open(f"peer{n}", other(n), shorts, 0)
    with pytest.raises(Unfit):
        made.open("late", shell, shorts, briefs.WAIT_NS - 1)
    assert len(made) == briefs.OPEN_MAX
    made.open("late", shell, shorts, briefs.WAIT_NS)
    assert len(made) == 1
    made.forget("late")
    assert len(made) == 0


def test_two_transactions_that_begin_alike_go_in_no_brief() -> None:
    made, block, cut = alone()
    first, second = block.transactions[:2]
    twin = msgspec.structs.replace(second, id=first.id[:8] + second.id[8:])
    codec = world("eosio 3").profile.codec
    assert briefs.cut(replace(block, transactions=(first, twin)), codec) is None
    shell, shorts = made.read(cut)
    with pytest.raises(Unfit):
        made.open("peer", shell, [shorts[0], shorts[0]], 0)
