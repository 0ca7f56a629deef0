"""C.16 (a): each block reveals what its witness promised in its last one; random numbers."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain import snapshot
from node.chain.bitshares.announcement import Decided
from node.chain.bitshares.header import BlockHeader
from node.chain.bitshares.profile import BitsharesProfile
from node.chain.bitshares.witness_state import WitnessState
from node.chain.bitshares.words.reveal import NO_SECRET, Reveal
from node.chain.bitshares.words.words import SILENT, Words
from node.chain.encoding.crypto import public_key
from node.chain.ledger.ledger import LedgerImage, tables_of
from node.chain.model.bitshares_rules import RandomRules
from node.chain.model.errors import BlockRejected, GenesisError, Reason
from node.chain.model.voice import Voice
from node.chain.snapshot import Snapshot
from tests.unit.node_bitshares.governed import change_key, governed_genesis, grown, state_of
from tests.unit.node_bitshares.world import (
    NOTHING,
    START_SLOT,
    after,
    bitshares_genesis,
    bitshares_profile,
    full,
    skipping,
)
from tests.unit.node_chain.builders import Net, make_chain, producer_names, secret

ON = RandomRules(on=True)
NAMES = producer_names(4)
HALVES = {"left": NAMES[:2], "right": NAMES[2:]}


def ripemd(data: bytes) -> bytes:
    return hashlib.new("ripemd160", data).digest()


def by_the_book(name: str, parent: bytes) -> bytes:
    """Return the secret of a witness in a block on parent, a hash a line."""
    key = hashlib.sha512(secret(name).secret).digest()
    return ripemd(hashlib.sha512(key + parent).digest())


def drafted(state: WitnessState, slot: int, *, key: str = "") -> BlockHeader:
    """Return the header of an honest witness."""
    name = key or state.producer_for(slot).name
    return state.draft(slot, None, NOTHING, Voice(key=secret(name)))


def refused(state: WitnessState, header: BlockHeader) -> Reason:
    """Return why a child with that header is refused."""
    with pytest.raises(BlockRejected) as error:
        state.child(header)
    return error.value.reason


@pytest.mark.parametrize("shuffle", ["time", "turns"])
def test_every_block_reveals_what_its_witness_promised_and_random_absorbs_it(shuffle: str) -> None:
    net = Net(bitshares_genesis(4, random=RandomRules(on=True, shuffle=shuffle)), HALVES)  # type: ignore[arg-type]
    net.run(START_SLOT, START_SLOT + 40)
    promised, random = dict[str, bytes](), bytes(20)
    blocks = sorted(net.stored["left"].values(), key=lambda block: block.num)
    assert len(blocks) == 38
    for block in blocks:
        assert isinstance(block.header, BlockHeader)
        reveal = block.header.words.reveal
        assert reveal is not None
        assert reveal.previous_secret == promised.get(block.producer, NO_SECRET)
        promised[block.producer] = by_the_book(block.producer, block.previous)
        assert reveal.next_hash == ripemd(promised[block.producer])
        random = ripemd(random + reveal.previous_secret)
    state = net.chains["right"]._fork_db.head.state
    assert isinstance(state, WitnessState)
    assert state.random == random


def test_without_random_numbers_headers_have_graphenes_bytes() -> None:
    state = full(bitshares_profile(4).genesis_state, 6)
    header = drafted(state, state.next_slot)
    assert header.words == SILENT
    assert header.pack()[-1:] == b"\x00"
    loud = dataclasses.replace(header, words=Words(reveal=Reveal(NO_SECRET, NO_SECRET)))
    assert refused(state, loud) == Reason.UNKNOWN_EXTENSION


def test_a_restarted_node_needs_no_memory_of_its_secrets() -> None:
    net = Net(bitshares_genesis(4, random=ON), HALVES)
    net.run(START_SLOT, START_SLOT + 15)
    net.restart("left", NAMES[:2])
    net.run(START_SLOT + 16, START_SLOT + 40)
    blocks = [block for block in net.stored["right"].values() if block.slot > START_SLOT + 20]
    assert {block.producer for block in blocks} == set(NAMES)
    assert len(blocks) == 20


def test_a_wrong_reveal_is_refused_and_so_is_none() -> None:
    state = full(bitshares_profile(4, random=ON).genesis_state, 9)
    header = drafted(state, state.next_slot)
    assert header.words.reveal is not None
    for words in (SILENT, Words(reveal=Reveal(NO_SECRET, header.words.reveal.next_hash))):
        wrong = dataclasses.replace(header, words=words)
        assert refused(state, wrong) == Reason.BAD_REVEAL
    assert state.child(header).num == 10


def test_who_lost_its_key_cannot_produce_until_it_has_another_one() -> None:
    state = full(bitshares_profile(4, random=ON).genesis_state, 9)
    slot = state.next_slot
    name = state.producer_for(slot).name
    number = state.rules.names.index(name) + 1
    assert refused(state, drafted(state, slot, key="new")) == Reason.BAD_REVEAL
    # Its key is announced in a block of somebody else's; what it promised is forgotten then.
    new = Decided(keys=((number, public_key(secret("new"))),))
    state = after(state, slot + 1, announced=new)
    while state.producer_for(state.next_slot).name != name:
        state = after(state, state.next_slot)
    first = drafted(state, state.next_slot, key="new")
    assert first.words.reveal is not None
    assert first.words.reveal.previous_secret == NO_SECRET
    state = after(state, state.next_slot, key="new")
    while state.producer_for(state.next_slot).name != name:
        state = after(state, state.next_slot)
    second = drafted(state, state.next_slot, key="new")
    assert second.words.reveal is not None
    assert ripemd(second.words.reveal.previous_secret) == first.words.reveal.next_hash


@pytest.mark.parametrize(("rule", "reason"), [("zeros", Reason.BAD_REVEAL), ("any", None)])
def test_a_first_reveal_is_zeros_unless_the_genesis_lets_it_be_chosen(
    rule: str, reason: Reason | None
) -> None:
    rules = RandomRules(on=True, first_reveal=rule)  # type: ignore[arg-type]
    state = bitshares_profile(4, random=rules).genesis_state
    header = drafted(state, state.next_slot)
    chosen = dataclasses.replace(header, words=Words(reveal=Reveal(b"\x01" * 20, bytes(20))))
    if reason is None:
        assert state.child(chosen).random == ripemd(bytes(20) + b"\x01" * 20)
    else:
        assert refused(state, chosen) == reason


@given(st.lists(st.integers(0, 6), min_size=1, max_size=12), st.lists(st.integers(0, 6)))
def test_two_branches_have_their_own_secrets(left: list[int], right: list[int]) -> None:
    """What is promised on a branch is revealed on it, wherever the other one has got to."""
    base = full(bitshares_profile(4, random=ON).genesis_state, 5)
    ends = skipping(base, left), skipping(base, right)
    for end in ends:
        assert after(end, end.next_slot).num == end.num + 1


@pytest.mark.parametrize("shuffle", ["time", "turns"])
def test_a_snapshot_keeps_promises_and_turns(shuffle: str) -> None:
    rules = RandomRules(on=True, shuffle=shuffle)  # type: ignore[arg-type]
    profile = bitshares_profile(5, random=rules)
    tables = {table.name: {} for table in tables_of(profile.transaction_rules)}
    ledger = LedgerImage(tables=tables, digest=bytes(32))
    state = skipping(full(profile.genesis_state, 9), [3, 130, 0])
    later = Snapshot.later(state, lambda: ledger)
    data = snapshot.encode(later, chain_id=profile.chain_id)
    assert snapshot.decode(data, profile).state == state


def test_turns_need_random_numbers() -> None:
    with pytest.raises(GenesisError, match="random: shuffle: turns needs random numbers"):
        BitsharesProfile.of(bitshares_genesis(4, random=RandomRules(shuffle="turns")))


@pytest.mark.parametrize("shuffle", ["time", "turns"])
def test_a_witness_that_gets_another_key_goes_on_with_secrets_of_that_one(shuffle: str) -> None:
    chain = make_chain(
        governed_genesis(random=RandomRules(on=True, shuffle=shuffle)),  # type: ignore[arg-type]
        NAMES, spare_keys=[secret("new")], enable_stale_production=True,
    )  # fmt: skip
    grown(chain, 15)
    blocks = grown(chain, 25, change_key(chain, NAMES[0], "new"))
    assert len({block.slot for block in blocks}) >= 21
    state = state_of(chain)
    assert state.witnesses[1].key == public_key(secret("new"))
    own = [block.header for block in blocks if block.producer == NAMES[0]]
    told = [header.words.reveal for header in own if isinstance(header, BlockHeader)]
    firsts = [one for one in told if one is not None and one.previous_secret == NO_SECRET]
    assert len(firsts) == 1
    assert len(told) >= 4
