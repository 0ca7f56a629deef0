"""Fork choice, switching with undo, failed switches, partitions, restarts, no double signing."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.chain.chain import Chain
from node.chain.encoding.crypto import sign
from node.chain.eosio.roots import action_mroot
from node.chain.model.block import SignedBlock
from node.chain.model.messages import Finalize
from node.chain.model.watermark import Watermark
from node.chain.profile import Executed
from node.events import Abstained, Applied, Irreversible, Rejected, Switched, Txs
from tests.unit.node_chain.builders import (
    START_SLOT,
    Net,
    blocks_of,
    make_chain,
    make_genesis,
    notices,
    of_kind,
    producer_names,
    receive,
    secret,
    submit,
    tick,
    transfer,
)

GENESIS = make_genesis()
NAMES = producer_names(4)


class Tree:
    """Blocks by label, made by unbound producers: `base → a1 a2 | b1 …`."""

    def __init__(self) -> None:
        self.blocks: dict[str, SignedBlock] = {}

    def branch(self, parents: str, labels: str, first_slot: int, pay: int = 0) -> None:
        """Add a block a label on top of the blocks in parents; the first pays `pay` to userb."""
        maker = make_chain(GENESIS, NAMES, enable_stale_production=True)
        for label in parents.split():
            receive(maker, self.blocks[label])
        if pay:
            submit(maker, transfer(maker, pay), slot=START_SLOT + first_slot)
        for slot, label in enumerate(labels.split(), start=START_SLOT + first_slot):
            (self.blocks[label],) = blocks_of(tick(maker, slot))

    def feed(self, chain: Chain, labels: str) -> list[object]:
        """Hand the labelled blocks to chain; return what it tells."""
        told: list[object] = []
        for label in labels.split():
            told.extend(notices(receive(chain, self.blocks[label], now_slot=START_SLOT + 500)))
        return told

    def head(self, chain: Chain) -> str:
        """Return the label of chain's head."""
        return next(label for label, b in self.blocks.items() if b.id == chain.head.id)


@pytest.fixture
def tree() -> Tree:
    """base1 base2 → a1 a2 a3 | b1 b2 b3 b4 (other slots)."""
    tree = Tree()
    tree.branch("", "base1 base2", 0)
    tree.branch("base1 base2", "a1 a2 a3", 2, pay=7)
    tree.branch("base1 base2", "b1 b2 b3 b4", 10, pay=9)
    return tree


def test_of_equal_branches_the_first_seen_stays_and_a_longer_one_wins(tree: Tree) -> None:
    chain = make_chain(GENESIS)
    tree.feed(chain, "base1 base2 a1 a2 b1 b2")
    assert tree.head(chain) == "a2"
    other = make_chain(GENESIS)
    tree.feed(other, "base1 base2 b1 b2 a1 a2")
    assert tree.head(other) == "b2"
    told = tree.feed(chain, "b3")
    assert tree.head(chain) == "b3"
    (switched,) = [record for record in told if isinstance(record, Switched)]
    assert switched == Switched(
        old=tree.blocks["a2"].id.hex(),
        new=tree.blocks["b3"].id.hex(),
        old_num=5,
        new_num=6,
        depth=2,
        ancestor=tree.blocks["base2"].id.hex(),
        ancestor_num=3,
    )
    applied = [record.num for record in told if isinstance(record, Applied)]
    assert applied == [4, 5, 6]


def test_a_switch_gives_the_state_of_the_branch_as_if_it_had_been_alone(tree: Tree) -> None:
    chain, straight = make_chain(GENESIS), make_chain(GENESIS)
    tree.feed(chain, "base1 base2 a1 a2 a3 b1 b2 b3 b4")
    tree.feed(straight, "base1 base2 b1 b2 b3 b4")
    assert chain.head == straight.head
    assert chain.state_digest == straight.state_digest
    assert chain.balance("userb") == straight.balance("userb") == 1009
    assert chain.branch_ids(1) == straight.branch_ids(1)


def test_switching_there_and_back_restores_the_state(tree: Tree) -> None:
    tree.branch("base1 base2 a1 a2 a3", "a4 a5", 20)
    chain, straight = make_chain(GENESIS), make_chain(GENESIS)
    tree.feed(chain, "base1 base2 a1 a2 a3 b1 b2 b3 b4 a4 a5")
    tree.feed(straight, "base1 base2 a1 a2 a3 a4 a5")
    assert tree.head(chain) == "a5"
    assert chain.state_digest == straight.state_digest


def test_a_failed_switch_restores_head_and_state_and_forgets_the_branch(tree: Tree) -> None:
    chain = make_chain(GENESIS)
    tree.feed(chain, "base1 base2 a1 a2 a3")
    before = (chain.head, chain.state_digest, chain.branch_ids(1))
    maker = make_chain(GENESIS, NAMES, enable_stale_production=True)
    tree.feed(maker, "base1 base2 b1 b2")
    (good,) = blocks_of(tick(maker, START_SLOT + 30))
    # b3 executes to something else than its header says: valid header, invalid content.
    header = dataclasses.replace(good.header, action_mroot=bytes(range(32)))
    parent = make_chain(GENESIS)
    tree.feed(parent, "base1 base2 b1 b2")
    item = parent._fork_db.get(header.previous)
    assert item is not None
    state = item.state.child(header)
    tree.blocks["bad"] = SignedBlock(header, sign(secret(header.producer), state.signing_digest))
    top = dataclasses.replace(
        header, previous=state.id, slot=header.slot + 1, confirmed=0, action_mroot=bytes(32)
    )
    top = dataclasses.replace(top, producer=state.producer_for(top.slot).name)
    top_digest = state.child(top).signing_digest
    tree.blocks["top"] = SignedBlock(top, sign(secret(top.producer), top_digest))
    told = tree.feed(chain, "b1 b2 bad top")
    rejected = [record for record in told if isinstance(record, Rejected)]
    assert [(r.reason, r.num) for r in rejected] == [("content_mismatch", 7)]
    assert not any(isinstance(record, Switched | Applied) for record in told)
    assert (chain.head, chain.state_digest, chain.branch_ids(1)) == before
    assert not chain.has_block(tree.blocks["bad"].id)
    assert chain.has_block(tree.blocks["b2"].id)
    tree.feed(chain, "b3 b4")
    assert tree.head(chain) == "b4"


def test_a_transaction_of_a_lost_branch_waits_again_unless_the_new_branch_has_it(
    tree: Tree,
) -> None:
    chain = make_chain(GENESIS, ["producerc"], enable_stale_production=True)
    tree.feed(chain, "base1 base2")
    mine = transfer(chain, 3, sender="userc", lives_s=600)
    submit(chain, mine, slot=START_SLOT + 2)
    (block,) = blocks_of(tick(chain, START_SLOT + 4))
    assert block.transactions == (mine,)
    effects = receive(chain, tree.blocks["b1"], now_slot=START_SLOT + 12)
    assert of_kind(effects, Switched) == []
    effects = receive(chain, tree.blocks["b2"], now_slot=START_SLOT + 12)
    kinds = [type(record) for record in notices(effects)]
    assert kinds == [Switched, Txs, Applied, Applied]
    assert of_kind(effects, Txs) == [Txs(ids=[mine.id.hex()], state="requeued")]
    assert len(chain.mempool) == 1
    (again,) = blocks_of(tick(chain, START_SLOT + 20))
    assert again.transactions == (mine,)


def test_a_restored_chain_is_the_chain_that_was(tree: Tree) -> None:
    net = Net(GENESIS, {name: [name] for name in NAMES})
    for slot in range(START_SLOT, START_SLOT + 30):
        net.submit("producera", transfer(net.chains["producera"], memo=b"%d" % slot), slot - 1)
        net.slot(slot)
    old = net.chains["producerb"]
    told = len(net.log["producerb"])
    mark = Watermark(producer="producerb", num=old.head.num - 2, slot=START_SLOT + 27)
    net.restart("producerb", ["producerb"], [mark])
    new = net.chains["producerb"]
    assert new is not old
    assert (new.head, new.lib, new.state_digest) == (old.head, old.lib, old.state_digest)
    assert new.branch_ids(1) == old.branch_ids(1)
    net.run(START_SLOT + 30, START_SLOT + 60)
    assert len({(c.head, c.lib, c.state_digest) for c in net.chains.values()}) == 1
    finals = [n.num for n in of_kind(net.log["producerb"], Irreversible)]
    assert finals == list(range(2, new.lib.num + 1))
    assert of_kind(net.log["producerb"][told:], Abstained) == []


def test_what_a_crash_left_unannounced_is_told_after_the_restart() -> None:
    maker = make_chain(GENESIS, NAMES)
    made = [blocks_of(tick(maker, START_SLOT + i))[0] for i in range(30)]
    net = Net(GENESIS, {"x": []})
    net.stored["x"] = {block.id: block for block in made}
    net.restart("x", [])  # the old chain's lib is 1: nothing was marked irreversible
    chain = net.chains["x"]
    assert (chain.head, chain.lib) == (maker.head, maker.lib)
    effects = tick(chain, START_SLOT + 30)
    (final,) = [effect for effect in effects if isinstance(effect, Finalize)]
    assert final == Finalize(num=maker.lib.num, id=maker.lib.id)
    finals = [n.num for n in of_kind(effects, Irreversible)]
    assert finals == list(range(2, maker.lib.num + 1))


def test_a_restored_bad_block_is_passed_over() -> None:
    maker = make_chain(GENESIS, NAMES)
    (block,) = blocks_of(tick(maker, START_SLOT))
    header = dataclasses.replace(block.header, action_mroot=bytes(32))
    bad = SignedBlock(header, block.signature)
    net = Net(GENESIS, {"x": []})
    net.stored["x"] = {bad.id: bad, block.id: block}
    net.restart("x", [])
    assert net.chains["x"].head.id == block.id


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("tick"), st.integers(-3, 3)),
        st.tuples(st.just("cut"), st.integers(0, 15)),
        st.tuples(st.just("heal"), st.just(0)),
        st.tuples(st.just("restart"), st.integers(0, 3)),
    ),
    max_size=60,
)


@settings(max_examples=60)
@given(ACTIONS)
def test_no_producer_ever_signs_a_slot_twice_nor_a_height_twice_on_one_branch(
    actions: list[tuple[str, int]],
) -> None:
    net = Net(make_genesis(blocks_per_turn=1), {name: [name] for name in NAMES})
    slot = START_SLOT
    for what, value in actions:
        match what:
            case "tick":
                slot = max(START_SLOT, slot + value)  # clocks may step back
                net.slot(slot)
            case "cut":
                inside = {name for i, name in enumerate(NAMES) if value >> i & 1}
                net.split(inside, set(NAMES) - inside)
            case "heal":
                net.heal(slot)
            case "restart":
                name = NAMES[value]
                mark = net.chains[name]._signing.watermark(name)
                net.restart(name, [name], [] if mark is None else [mark])
    signed: set[tuple[str, int]] = set()
    for name in NAMES:
        for block in net.stored[name].values():
            if block.producer == name:
                assert (name, block.slot) not in signed
                signed.add((name, block.slot))
    ranges: dict[str, list[tuple[int, int]]] = {}
    for name in NAMES:
        for block in net.stored[name].values():
            if block.producer == name:
                ranges.setdefault(name, []).append((block.num - block.header.confirmed, block.num))
    for own in ranges.values():
        own.sort()
        assert all(a[1] < b[0] for a, b in itertools.pairwise(own)), own


def test_action_roots_are_never_zero() -> None:
    nothing = Executed(transaction_mroot=bytes(32), before=bytes(32), opening=b"")
    assert action_mroot(bytes(32), 0, nothing) != bytes(32)
