"""C.2: header bytes, ids that cover the signature, the merkle root."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.inspect import bitshares as inspect
from node.chain.bitshares.announcement import Decided, decided
from node.chain.bitshares.header import ZERO_ID, BlockHeader, merkle_root
from node.chain.bitshares.parameters import Parameters
from node.chain.bitshares.words.reveal import Reveal
from node.chain.bitshares.words.words import Support, Words
from node.chain.encoding.pack import DecodeError
from node.chain.model.block import SignedBlock
from tests.unit.node_bitshares.world import NOTHING, START_SLOT, bitshares_profile

PROFILE = bitshares_profile(4)
CODEC = PROFILE.codec
BYTES20 = st.binary(min_size=20, max_size=20)
PARAMETERS = st.builds(
    Parameters,
    block_interval_s=st.integers(0, 255),
    maintenance_interval_s=st.integers(0, 2**32 - 1),
    maintenance_skip_slots=st.integers(0, 2**16 - 1),
    max_block_bytes=st.integers(0, 2**32 - 1),
)
IDS = st.integers(0, 2**32 - 1)
ANNOUNCED = st.builds(
    decided,
    st.lists(IDS, max_size=5).map(tuple),
    st.lists(st.tuples(IDS, st.binary(min_size=33, max_size=33)), max_size=5).map(tuple),
    st.none() | PARAMETERS,
)
FORKS = st.lists(st.integers(1, 2**32 - 1), max_size=4, unique=True).map(sorted).map(tuple)
WORDS = st.builds(
    Words,
    reveal=st.none() | st.builds(Reveal, BYTES20, BYTES20),
    support=st.builds(Support, ready=FORKS, urgent=FORKS),
)
HEADERS = st.builds(
    lambda previous, timestamp_s, witness, root, announced, words: BlockHeader(
        previous=previous,
        timestamp_s=timestamp_s,
        witness=witness,
        transaction_mroot=root,
        producer=PROFILE.rules.name_of(witness),
        slot=PROFILE.rules.slot_at(timestamp_s),
        announced=announced,
        words=words,
    ),
    BYTES20.filter(lambda x: x[:4] != b"\xff" * 4),
    st.integers(0, 2**32 - 1),
    st.integers(0, 200),
    BYTES20,
    ANNOUNCED,
    WORDS,
)
BLOCKS = st.builds(SignedBlock, HEADERS, st.binary(min_size=65, max_size=65))


def header(**changes: object) -> BlockHeader:
    """Return the header of block 300 by witness 1.6.200, with changes."""
    plain = BlockHeader(
        previous=struct.pack(">I", 299) + bytes(16),
        timestamp_s=1_500_000_000,
        witness=200,
        transaction_mroot=ZERO_ID,
        producer="",
        slot=0,
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def test_a_header_is_previous_time_witness_root_and_no_extensions() -> None:
    packed = header().pack()
    assert packed[:20] == struct.pack(">I", 299) + bytes(16)
    assert packed[20:24] == struct.pack("<I", 1_500_000_000)
    assert packed[24:26] == b"\xc8\x01"
    assert packed[26:] == bytes(20) + b"\x00"


def test_what_is_announced_stands_in_the_extensions_and_nothing_else_changes() -> None:
    key = b"\x02" + bytes(range(32))
    parameters = Parameters(
        block_interval_s=5, maintenance_interval_s=86_400, maintenance_skip_slots=3,
        max_block_bytes=2_000_000,
    )  # fmt: skip
    told = Decided(active=(1, 300), keys=((300, key),), parameters=parameters)
    packed = header(announced=told).pack()
    assert packed[:46] == header().pack()[:46]
    assert packed[46:] == b"".join(
        (
            b"\x03",
            b"\x01\x02\x01\xac\x02",
            b"\x02\x01\xac\x02" + key,
            b"\x03\x05" + struct.pack("<IHI", 86_400, 3, 2_000_000),
        )
    )


def test_what_a_witness_reveals_comes_after_what_is_announced() -> None:
    words = Words(reveal=Reveal(bytes(range(20)), bytes(range(20, 40))))
    packed = header(announced=Decided(active=(1,)), words=words).pack()
    assert packed[46:] == b"\x02" + b"\x01\x01\x01" + b"\x04" + bytes(range(40))


def test_the_number_is_the_parents_plus_1() -> None:
    assert header().num == 300
    assert header(previous=ZERO_ID).num == 1


def test_the_id_is_the_number_then_sha224_of_the_signed_header() -> None:
    signature = bytes(range(65))
    full = hashlib.sha224(header().pack() + signature).digest()
    assert header().block_id(signature) == struct.pack(">I", 300) + full[4:20]


def test_signing_the_same_header_again_gives_a_different_id() -> None:
    assert header().block_id(bytes(65)) != header().block_id(bytes(64) + b"\x01")


def test_the_signature_is_over_sha256_of_the_unsigned_header() -> None:
    state = PROFILE.genesis_state
    draft = state.draft(START_SLOT, None, NOTHING)
    assert state.child(draft).signing_digest == hashlib.sha256(draft.pack()).digest()


def test_pairs_are_hashed_and_an_odd_element_is_carried_up_unhashed() -> None:
    a, b, c = (bytes([x]) * 32 for x in (1, 2, 3))
    ab = hashlib.sha256(a + b).digest()
    abc = hashlib.sha256(ab + c).digest()
    assert merkle_root([]) == ZERO_ID
    assert merkle_root([a]) == hashlib.new("ripemd160", a).digest()
    assert merkle_root([a, b]) == hashlib.new("ripemd160", ab).digest()
    assert merkle_root([a, b, c]) == hashlib.new("ripemd160", abc).digest()


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40))
def test_the_root_is_that_of_two_halves_at_a_power_of_two(leaves: list[bytes]) -> None:
    def tree(part: list[bytes]) -> bytes:
        if len(part) == 1:
            return part[0]
        cut = 1 << (len(part) - 1).bit_length() - 1
        return hashlib.sha256(tree(part[:cut]) + tree(part[cut:])).digest()

    assert merkle_root(leaves) == hashlib.new("ripemd160", tree(leaves)).digest()


@given(BLOCKS)
def test_a_block_comes_back_from_its_bytes(block: SignedBlock) -> None:
    raw = CODEC.encode(block)
    assert CODEC.decode(raw) == block
    packed = block.header.packed_for_id(block.signature)
    assert CODEC.decode_header(packed) == (block.header, block.signature)
    printed = json.loads(json.dumps(CODEC.printed(block, PROFILE.clock)))
    read = inspect.parse_header(printed)
    assert read.words == block.header.words


@given(st.binary(max_size=300))
def test_any_bytes_are_a_block_or_a_decode_error(data: bytes) -> None:
    for decode in (CODEC.decode, CODEC.decode_header):
        try:
            decode(data)
        except DecodeError:
            continue


@given(BLOCKS, st.data())
def test_damaged_bytes_are_refused_or_are_another_block(
    block: SignedBlock, data: st.DataObject
) -> None:
    raw = bytearray(CODEC.encode(block))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = CODEC.decode(bytes(raw))
    except DecodeError:
        return
    assert CODEC.encode(found) == bytes(raw)


def test_extensions_and_other_forms_are_refused() -> None:
    raw = CODEC.encode(SignedBlock(header(), bytes(65)))
    for bad in (b"\x01" + raw[1:], raw[:47] + b"\x01" + raw[48:]):
        with pytest.raises(DecodeError):
            CODEC.decode(bad)
