"""Transactions and headers as upstream's bytes: ids, digests, and what is inside an id."""

from __future__ import annotations

import struct
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.encoding.crypto import public_key, recover
from node.chain.encoding.name import name_to_u64
from node.chain.encoding.pack import DecodeError
from node.chain.eosio.codec import EosioCodec
from node.chain.eosio.contracts.set_producers import SetProducers
from node.chain.eosio.contracts.transfer import Transfer
from node.chain.eosio.header import BlockHeader
from node.chain.eosio.transactions import SYMBOL, EosioTransactions
from node.chain.ledger.accounts import MAX_AMOUNT
from node.chain.model.block import SignedBlock
from node.chain.model.codec import decode_transaction
from node.chain.model.schedule import ProducerKey
from node.chain.model.transaction import TransactionHeader, read_transaction, sign_transaction
from tests.unit.node_chain.builders import secret

REAL_BODY = bytes.fromhex(
    "e519bb5b5e45dbacd2be000000000100a6823403ea3055000000572d3ccdcd0100000000001aa36a00000000"
    "a8ed32322c00000000001aa36a0000000000ea3055010000000000000004454f53000000000b68656c6c6f2c"
    "776f726c6400"
)
REAL_ID = "d48cb009f2332edf8340959ad92f3a05ce6daf954d45be7302b607c8b33b7381"
NAMES = st.from_regex(r"[a-z1-5]{1,12}", fullmatch=True)
FORM = EosioTransactions()
HEAD = TransactionHeader(1_700_000_000, 7, 9)
TRANSFER = Transfer(sender="usera", recipient="userb", amount=5, memo=b"hello")


def test_a_real_transfer_is_read_and_packed_byte_for_byte_and_gets_its_id() -> None:
    header, operations = FORM.read(REAL_BODY)
    assert header == TransactionHeader(0x5BBB19E5, 0x455E, 0xBED2ACDB)
    transfer = Transfer(sender="hello", recipient="eosio", amount=1, memo=b"hello,world")
    assert operations == (transfer,)
    assert FORM.pack(header, operations) == REAL_BODY
    assert read_transaction(REAL_BODY, (), FORM).id.hex() == REAL_ID


def test_the_fields_stand_in_upstreams_order() -> None:
    data = struct.pack("<QQq", name_to_u64("usera"), name_to_u64("userb"), 5)
    data += SYMBOL + b"\x05hello"
    assert FORM.pack(HEAD, (TRANSFER,)) == b"".join(
        (
            struct.pack("<IHI", 1_700_000_000, 7, 9),
            b"\x00",  # max_net_usage_words
            b"\x00",  # max_cpu_usage_ms
            b"\x00",  # delay_sec
            b"\x00",  # context_free_actions
            b"\x01",  # actions
            struct.pack("<QQ", name_to_u64("eosio.token"), name_to_u64("transfer")),
            b"\x01" + struct.pack("<QQ", name_to_u64("usera"), name_to_u64("active")),
            bytes((len(data),)) + data,
            b"\x00",  # transaction_extensions
        )
    )


def test_what_is_signed_is_chain_body_and_32_zero_bytes() -> None:
    chain_id = sha256(b"chain").digest()
    key = secret("usera")
    transaction = sign_transaction(FORM, HEAD, (TRANSFER,), chain_id=chain_id, keys=(key,))
    digest = sha256(chain_id + transaction.body + bytes(32)).digest()
    assert [recover(digest, s) for s in transaction.signatures] == [public_key(key)]
    assert FORM.signing_digest(chain_id, transaction.body) == digest


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**16 - 1),
    st.lists(st.tuples(NAMES, st.binary(min_size=33, max_size=33)), max_size=5),
)
def test_a_proposal_of_producers_comes_back_as_it_was(
    expiration_s: int, ref_block_num: int, producers: list[tuple[str, bytes]]
) -> None:
    keys = tuple(ProducerKey(name, key) for name, key in producers)
    header = TransactionHeader(expiration_s, ref_block_num, 3)
    body = FORM.pack(header, (SetProducers(producers=keys), TRANSFER))
    transaction = read_transaction(body, (bytes(65), bytes(65)), FORM)
    assert (transaction.header, transaction.operations[0].producers) == (header, keys)  # type: ignore[attr-defined]
    assert decode_transaction(transaction.raw, FORM) == transaction


@pytest.mark.parametrize(
    ("at", "byte", "word"),
    [
        (10, 1, "limits"),
        (11, 1, "limits"),
        (12, 1, "limits"),
        (13, 1, "context-free"),
        (14, 0, "one action"),
        (14, 17, "count"),
        (15, 9, "unknown action"),
        (31, 2, "authorization"),
        (32, 1, "another account"),
        (40, 1, "active"),
        (71, 0, ""),
        (72, 0x80, "out of range"),
        (72, 0x40, "out of range"),
        (73, 9, "symbol"),
        (-1, 1, "extensions"),
    ],
)
def test_anything_else_in_a_body_is_refused(at: int, byte: int, word: str) -> None:
    body = bytearray(FORM.pack(HEAD, (TRANSFER,)))
    body[at] = byte
    if not word:
        same = HEAD, (TRANSFER,)
        assert FORM.read(bytes(body)) == same, "the amount's upper bytes are zero already"
        return
    with pytest.raises(DecodeError, match=word):
        FORM.read(bytes(body))


@given(st.binary(max_size=200))
def test_bytes_that_are_read_as_a_body_pack_to_the_same_bytes(noise: bytes) -> None:
    for body in (noise, REAL_BODY[: len(noise)] + noise):
        try:
            header, operations = FORM.read(body)
        except DecodeError:
            continue
        assert FORM.pack(header, operations) == body


def test_the_largest_amount_of_an_asset_is_the_limit() -> None:
    good = msgspec.structs.replace(TRANSFER, amount=MAX_AMOUNT)
    assert FORM.read(FORM.pack(HEAD, (good,))) == (HEAD, (good,))
    over = msgspec.structs.replace(TRANSFER, amount=MAX_AMOUNT + 1)
    with pytest.raises(DecodeError, match="out of range"):
        FORM.read(FORM.pack(HEAD, (over,)))


def header(**changes: object) -> BlockHeader:
    """Return a header."""
    fields: dict[str, object] = {
        "slot": 1,
        "producer": "producera",
        "confirmed": 0,
        "previous": bytes(32),
        "transaction_mroot": bytes(32),
        "action_mroot": bytes(32),
        "schedule_version": 0,
    }
    return BlockHeader(**{**fields, **changes})  # type: ignore[arg-type]


def test_block_extensions_travel_with_the_block_and_are_outside_the_id() -> None:
    plain = SignedBlock(header(), bytes(65))
    extended = SignedBlock(header(), bytes(65), (), ((2, b"more"),))
    assert extended.id == plain.id
    codec = EosioCodec()
    assert codec.decode(codec.encode(extended)) == extended
    assert codec.encode(extended)[len(codec.encode(plain)) - 1 :] == b"\x01\x02\x00\x04more"
    with pytest.raises(DecodeError):
        codec.decode(codec.encode(extended) + b"\x00")
