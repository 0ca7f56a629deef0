"""Slots, names, merkle roots, packing, wire forms and the genesis file."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain import genesis as genesis_file
from node.chain.encoding.crypto import Verifier, public_key, recover, sign
from node.chain.encoding.merkle import ZERO_ROOT, Frontier, merkle_root, pair
from node.chain.encoding.name import name_to_u64, u64_to_name
from node.chain.encoding.pack import DecodeError, Reader, pack_varuint
from node.chain.eosio.codec import EosioCodec
from node.chain.eosio.contracts.transfer import Transfer
from node.chain.eosio.header import BlockHeader
from node.chain.eosio.roots import receipt_digest
from node.chain.eosio.transactions import EosioTransactions
from node.chain.model.block import SignedBlock
from node.chain.model.codec import decode_transaction
from node.chain.model.errors import GenesisError
from node.chain.model.schedule import ProducerKey, ProducerSchedule
from node.chain.model.slot import EPOCH_NS, SlotClock, producer_index
from node.chain.model.transaction import (
    Transaction,
    TransactionHeader,
    read_transaction,
    sign_transaction,
)
from node.chain.profiles import build
from tests.unit.node_chain.builders import make_genesis, secret

NAMES = st.from_regex(r"[a-z1-5]{1,12}", fullmatch=True)
DIGESTS = st.binary(min_size=32, max_size=32)
FORM = EosioTransactions()
TIES = st.builds(
    TransactionHeader,
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**32 - 1),
)
TRANSFERS = st.builds(
    Transfer,
    sender=NAMES,
    recipient=NAMES,
    amount=st.integers(0, 2**62 - 1),
    memo=st.binary(max_size=300),
)
TRANSACTIONS = st.builds(
    lambda tie, transfers, signatures: read_transaction(
        FORM.pack(tie, transfers), tuple(signatures), FORM
    ),
    TIES,
    st.lists(TRANSFERS, min_size=1, max_size=3),
    st.lists(st.binary(min_size=65, max_size=65), max_size=3),
)
SCHEDULES = st.builds(
    lambda version, names: ProducerSchedule(
        version, tuple(ProducerKey(name, public_key(secret(name))) for name in names)
    ),
    st.integers(0, 2**32 - 1),
    st.lists(NAMES, max_size=3),
)
HEADERS = st.builds(
    BlockHeader,
    slot=st.integers(0, 2**40),
    producer=NAMES | st.just(""),
    confirmed=st.integers(0, 65_535),
    previous=DIGESTS.filter(lambda x: x[:4] != b"\xff" * 4),
    transaction_mroot=DIGESTS,
    action_mroot=DIGESTS,
    schedule_version=st.integers(0, 2**32 - 1),
    new_producers=st.none() | SCHEDULES,
    extensions=st.lists(st.tuples(st.integers(0, 65_535), st.binary(max_size=20)), max_size=3).map(
        tuple
    ),
)
BLOCKS = st.builds(
    SignedBlock,
    HEADERS,
    st.binary(min_size=65, max_size=65),
    st.lists(TRANSACTIONS, max_size=4).map(tuple),
)


@given(st.integers(1, 10**10), st.integers(-(10**9), 10**9))
def test_a_slot_covers_its_time_until_the_next(slot_ns: int, slot: int) -> None:
    clock = SlotClock(slot_ns)
    start = clock.time_ns(slot)
    assert clock.slot_at(start) == clock.slot_at(start + slot_ns - 1) == slot
    assert clock.slot_at(start - 1) == slot - 1


def test_slot_0_is_the_year_2000_and_an_interval_is_positive() -> None:
    assert SlotClock(500_000_000).time_ns(0) == EPOCH_NS
    with pytest.raises(ValueError, match="positive"):
        SlotClock(0)


def test_producers_take_turns_by_absolute_slot() -> None:
    assert [producer_index(slot, 3, 2) for slot in range(12, 20)] == [0, 0, 1, 1, 2, 2, 0, 0]
    assert producer_index(251, 21, 12) == 20
    assert producer_index(252, 21, 12) == 0


@given(st.integers(0, 2**64 - 1))
def test_every_number_has_one_name(number: int) -> None:
    assert name_to_u64(u64_to_name(number)) == number


@given(st.lists(NAMES, max_size=8))
def test_names_order_the_same_as_text_and_as_numbers(names: list[str]) -> None:
    assert sorted(names) == sorted(names, key=name_to_u64)


@pytest.mark.parametrize("text", ["A", "a6", "a b", "a.", "aaaaaaaaaaaaaa", "aaaaaaaaaaaaz"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        name_to_u64(text)


def test_a_known_name_packs_as_upstream_does() -> None:
    assert name_to_u64("eosio") == 0x5530EA0000000000
    assert name_to_u64("") == 0


def test_small_merkle_roots_follow_the_pairing_rule() -> None:
    a, b, c = (bytes((value,)) * 32 for value in (1, 2, 3))
    assert merkle_root([]) == ZERO_ROOT
    assert merkle_root([a]) == a
    assert merkle_root([a, b, c]) == pair(pair(a, b), pair(c, c))
    assert pair(a, b) != pair(b, a)


@given(st.lists(DIGESTS, max_size=40))
def test_the_growing_root_equals_the_batch_root_at_each_length(leaves: list[bytes]) -> None:
    frontier = Frontier()
    for count, leaf in enumerate(leaves, start=1):
        frontier = frontier.append(leaf)
        assert frontier.root() == merkle_root(leaves[:count])


@given(st.integers(0, 2**32 - 1))
def test_a_varuint_comes_back(number: int) -> None:
    reader = Reader(pack_varuint(number))
    assert reader.varuint() == number
    reader.end()


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x00", b"\xff\xff\xff\xff\x7f", b"\x80" * 6])
def test_a_bad_varuint_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        Reader(data).varuint()


@given(TRANSACTIONS)
def test_a_transaction_comes_back_from_its_bytes(transaction: Transaction) -> None:
    data = transaction.raw
    assert decode_transaction(data, FORM) == transaction
    assert len(data) == transaction.size_bytes


@given(BLOCKS)
def test_a_block_comes_back_from_its_bytes(block: SignedBlock) -> None:
    data = EosioCodec().encode(block)
    assert EosioCodec().decode(data) == block
    assert block.num == int.from_bytes(block.previous[:4], "big") + 1
    assert block.id[:4] == block.num.to_bytes(4, "big")


@given(st.binary(max_size=600))
def test_random_bytes_never_do_more_than_fail_to_decode(data: bytes) -> None:
    with pytest.raises(DecodeError):
        EosioCodec().decode(data)
    with pytest.raises(DecodeError):
        decode_transaction(data, FORM)


@given(BLOCKS, st.data())
@pytest.mark.slow
def test_a_damaged_block_decodes_canonically_or_not_at_all(
    block: SignedBlock, data: st.DataObject
) -> None:
    raw = bytearray(EosioCodec().encode(block))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= data.draw(st.integers(1, 255))
    cut = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    for damaged in (bytes(raw), cut):
        try:
            found = EosioCodec().decode(damaged)
        except DecodeError:
            continue
        assert EosioCodec().encode(found) == damaged


def test_the_id_of_a_transaction_does_not_depend_on_its_signature() -> None:
    tie, transfer = TransactionHeader(1, 1, 1), Transfer(sender="a", recipient="b", amount=1)

    def signed(operation: Transfer, name: str) -> Transaction:
        key = secret(name)
        return sign_transaction(FORM, tie, (operation,), chain_id=bytes(32), keys=(key,))

    one, two = signed(transfer, "a"), signed(transfer, "b")
    assert one.id == two.id
    assert receipt_digest(one) != receipt_digest(two)
    assert signed(msgspec.structs.replace(transfer, amount=2), "a").id != one.id


@given(DIGESTS)
def test_the_signer_is_recovered_and_that_of_a_transaction_remembered(digest: bytes) -> None:
    verifier, key, asked = Verifier(capacity=1), secret("x"), list[bytes]()
    signature = sign(key, digest)

    def once() -> bytes:
        asked.append(digest)
        return digest

    assert recover(digest, signature) == public_key(key)
    for _ in range(2):
        assert verifier.signer(digest, signature) == public_key(key)
        assert verifier.signer(digest, bytes(65)) is None
        assert verifier.signers((b"chain", b"body"), once, (signature,)) == (public_key(key),)
    assert asked == [digest]


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(65), b"\x1f" + b"\xff" * 64])
def test_a_worthless_signature_has_no_signer(signature: bytes) -> None:
    assert recover(bytes(range(32)), signature) is None


def test_a_genesis_file_comes_back_and_decides_the_chain_id() -> None:
    genesis = make_genesis()
    assert genesis_file.decode(genesis_file.encode(genesis)) == genesis
    profile = build(genesis)
    state = profile.genesis_state
    assert (state.num, state.slot, state.lib_num) == (1, genesis.initial_slot, 0)
    assert profile.chain_id == genesis_file.chain_id(genesis)
    shuffled = msgspec.structs.replace(genesis, producers=genesis.producers[::-1])
    assert build(shuffled).chain_id == profile.chain_id
    assert build(shuffled).genesis_state.schedule == tuple(sorted(state.schedule))
    for change in ({"blocks_per_turn": 3}, {"initial_slot": 5}, {"accounts": []}):
        assert build(msgspec.structs.replace(genesis, **change)).chain_id != profile.chain_id


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"slot_ns": 0}, "slot_ns"),
        ({"blocks_per_turn": 0}, "blocks_per_turn"),
        ({"producers": []}, "producers"),
        ({"max_block_bytes": 1}, "max_block_bytes"),
        ({"profile": "bitshares", "lock_on_proposed": True}, "lock_on_proposed"),
        ({"profile": "bitshares", "timing": "leap"}, "timing"),
        ({"timing": "other"}, "timing"),
        ({"producers": [{"name": "BAD", "key": "00"}]}, "producers"),
        ({"producers": [{"name": "a", "key": "00" * 33}]}, "key of a"),
        ({"accounts": [{"name": "a", "key": "zz", "balance": 1}]}, "accounts"),
        ({"profile": "other"}, "profile"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_genesis_that_cannot_start_names_the_key(change: dict[str, object], word: str) -> None:
    fields = msgspec.json.decode(genesis_file.encode(make_genesis()))
    with pytest.raises(GenesisError, match=word):
        build(genesis_file.decode(msgspec.json.encode({**fields, **change})))


def test_the_same_account_twice_and_too_much_money_are_refused() -> None:
    genesis = make_genesis()
    twice = msgspec.structs.replace(genesis, accounts=[*genesis.accounts, genesis.accounts[0]])
    rich = msgspec.structs.replace(genesis.accounts[0], balance=2**64)
    for bad in (twice, msgspec.structs.replace(genesis, accounts=[rich])):
        with pytest.raises(GenesisError, match="accounts"):
            genesis_file.check(bad)
