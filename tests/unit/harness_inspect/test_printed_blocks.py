"""What real chains printed: ids, roots, keys and signatures must come out of the fields."""

from __future__ import annotations

import copy
import json
import zlib
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.inspect.explain import inspect_block, inspect_header
from harness.inspect.fields import InspectError
from harness.inspect.keys import parse_public_key, parse_signature
from node.chain.encoding.crypto import pack_signature
from node.chain.encoding.pack import pack_varuint
from node.chain.encoding.text import key_text, second_text, signature_text
from node.chain.eosio.roots import transaction_mroot

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
PRINTED: dict[str, Any] = json.loads((VECTORS / "printed_blocks.json").read_text())
EOSIO: dict[str, Any] = PRINTED["eosio"]["block"]
BITSHARES: dict[str, Any] = PRINTED["bitshares"]["block"]
KEY = "EOS6MRyAjQq8ud7hVNYcfnVPJqcVpscN5So8BhtHuGYqET5GDW5CV"
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def test_a_real_eosio_block_gets_its_id_its_transaction_and_its_root() -> None:
    found = inspect_block(EOSIO, "eosio")
    assert found["id"] == EOSIO["id"]
    assert found["block_num"] == EOSIO["block_num"]
    assert found["ref_block_prefix"] == EOSIO["ref_block_prefix"]
    assert found["id_matches"] is True
    assert found["time"] == EOSIO["timestamp"]
    assert found["transactions"] == [EOSIO["transactions"][0]["trx"]["id"]]
    assert found["transaction_mroot"] == EOSIO["transaction_mroot"]
    assert found["root_matches"] is True


def test_a_real_bitshares_block_gets_its_id_and_names_the_key_that_signed() -> None:
    found = inspect_block(BITSHARES, "bitshares")
    assert found["id"] == BITSHARES["block_id"]
    assert found["block_num"] == 1
    assert found["signing_key"] == BITSHARES["signing_key"]
    assert found["id_matches"] is True
    assert found["root_matches"] is True
    prefix = int.from_bytes(bytes.fromhex(BITSHARES["block_id"])[4:8], "little")
    assert found["ref_block_prefix"] == prefix


def test_another_signature_is_another_bitshares_id_but_the_same_eosio_one() -> None:
    zeros = "1f" + "00" * 64
    changed = inspect_header({**BITSHARES, "witness_signature": zeros}, "bitshares")
    assert changed["id"] != BITSHARES["block_id"]
    assert changed["id_matches"] is False
    assert changed["signing_key"] is None
    assert inspect_header({**EOSIO, "producer_signature": zeros}, "eosio")["id"] == EOSIO["id"]


def test_a_bitshares_root_of_other_peoples_operations_is_not_guessed() -> None:
    assert inspect_block({**BITSHARES, "transactions": [{}]}, "bitshares")["root_matches"] is None


@pytest.mark.parametrize("wrapper", ["result", "block", "header"])
def test_a_whole_reply_is_unwrapped(wrapper: str) -> None:
    reply = {"id": 1, "jsonrpc": "2.0", wrapper: BITSHARES}
    assert inspect_header(reply, "bitshares")["id"] == BITSHARES["block_id"]


def test_a_changed_receipt_or_transaction_is_seen() -> None:
    block = copy.deepcopy(EOSIO)
    block["transactions"][0]["cpu_usage_us"] += 1
    assert inspect_block(block, "eosio")["root_matches"] is False
    block["transactions"][0]["trx"]["packed_trx"] += "00"
    with pytest.raises(InspectError, match=r"^transactions\[0\]\.trx\.id: printed "):
        inspect_block(block, "eosio")


def test_a_compressed_transaction_keeps_its_id_and_gets_another_leaf() -> None:
    block = copy.deepcopy(EOSIO)
    transaction = block["transactions"][0]["trx"]
    body = bytes.fromhex(transaction["packed_trx"])
    transaction.update(compression="zlib", packed_trx=zlib.compress(body).hex())
    found = inspect_block(block, "eosio")
    assert found["transactions"] == [sha256(body).hexdigest()]
    assert found["root_matches"] is False
    transaction["packed_trx"] = zlib.compress(bytes(1 << 22)).hex()
    with pytest.raises(InspectError, match="cut off, or over 1048576 bytes"):
        inspect_block(block, "eosio")


def test_a_receipt_of_our_own_chain_has_the_leaf_the_node_gives_it() -> None:
    block = copy.deepcopy(EOSIO)
    receipt = block["transactions"][0]
    body = bytes.fromhex(receipt["trx"]["packed_trx"])
    signature = parse_signature(receipt["trx"]["signatures"][0], "signature")
    receipt.update(cpu_usage_us=7, net_usage_words=(len(body) + 7) // 8)
    raw = pack_varuint(len(body)) + body + pack_varuint(1) + pack_signature(signature)
    ours: Any = SimpleNamespace(body=body, raw=raw, cost_us=7)
    assert inspect_block(block, "eosio")["transaction_mroot"] == transaction_mroot([ours]).hex()


def test_a_scheduled_transaction_is_known_by_its_id_alone() -> None:
    receipt = {"status": "executed", "cpu_usage_us": 7, "net_usage_words": 0, "trx": "ab" * 32}
    found = inspect_block({**EOSIO, "transactions": [receipt]}, "eosio")
    assert found["transactions"] == ["ab" * 32]
    leaf = sha256(b"\x00" + (7).to_bytes(4, "little") + b"\x00" + bytes.fromhex("ab" * 32))
    assert found["transaction_mroot"] == leaf.hexdigest()


def test_extensions_in_words_are_the_same_bytes_as_in_numbers() -> None:
    features = [{"feature_digest": "ab" * 32}]
    authority = [0, {"threshold": 2, "keys": [{"key": KEY, "weight": 3}]}]
    schedule = {"version": 5, "producers": [{"producer_name": "eosio", "authority": authority}]}
    words = {
        **{key: value for key, value in EOSIO.items() if key != "header_extensions"},
        "new_protocol_features": features,
        "new_producer_schedule": schedule,
    }
    key = parse_public_key(KEY).hex()
    packed = f"0500000001{'0000000000ea3055'}00{'02000000'}0100{key}0300"
    numbers = {**EOSIO, "header_extensions": [[0, "01" + "ab" * 32], [1, packed]]}
    assert inspect_header(words, "eosio")["packed"] == inspect_header(numbers, "eosio")["packed"]


@given(st.binary(min_size=33, max_size=33))
def test_a_key_reads_back_as_it_was_printed(key: bytes) -> None:
    for prefix in ("EOS", "BTS", "FIO"):
        assert parse_public_key(key_text(key, prefix)) == key


@given(st.binary(min_size=65, max_size=65))
def test_a_signature_reads_back_as_it_was_printed(signature: bytes) -> None:
    assert parse_signature(signature_text(signature), "signature") == signature


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_is_printed_as_the_calendar_has_it(moment: datetime) -> None:
    printed = moment.replace(microsecond=0, tzinfo=None).isoformat()
    assert (
        second_text((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)) == printed
    )


@pytest.mark.parametrize(
    ("profile", "change", "word"),
    [
        ("bitshares", {"previous": "00" * 32}, "previous"),
        ("bitshares", {"witness": "1.5.3"}, "witness"),
        ("bitshares", {"witness": 8}, "witness"),
        ("bitshares", {"timestamp": "2015-10-13T14:12:24.5"}, "timestamp"),
        ("bitshares", {"timestamp": "2215-10-13T14:12:24"}, "timestamp"),
        ("bitshares", {"timestamp": "2015-13-13T14:12:24"}, "timestamp"),
        ("bitshares", {"witness_signature": "1f"}, "witness_signature"),
        ("bitshares", {"witness_signature": None}, "witness_signature"),
        ("bitshares", {"extensions": [1]}, "extensions"),
        ("bitshares", {"transaction_merkle_root": "xy"}, "transaction_merkle_root"),
        ("eosio", {"producer_signature": "SIG_R1_x"}, "producer_signature"),
        ("eosio", {"producer_signature": "SIG_K1_0"}, "producer_signature"),
        ("eosio", {"producer_signature": EOSIO["producer_signature"] + "1"}, "producer_signature"),
        ("eosio", {"transactions": 3}, "transactions"),
        ("eosio", {"transactions": [{"status": "fine"}]}, r"transactions\[0\]\.status"),
        ("eosio", {"new_protocol_features": [{}]}, "feature_digest"),
        ("eosio", {"new_producer_schedule": {"version": 1, "producers": [{}]}}, "authority"),
        ("eosio", {"new_producers": {"version": 1}}, "new_producers"),
    ],
)
def test_a_malformed_field_is_named_in_one_short_line(
    profile: str, change: dict[str, object], word: str
) -> None:
    with pytest.raises(InspectError, match=f"^{word}: [^\n]{{1,250}}$"):
        inspect_block({**PRINTED[profile]["block"], **change}, profile)


def test_a_header_without_its_signature_says_where_to_get_it() -> None:
    fields = {key: value for key, value in BITSHARES.items() if key != "witness_signature"}
    with pytest.raises(InspectError, match=r"witness_signature: .*get_block prints it"):
        inspect_header(fields, "bitshares")


@given(profile=st.sampled_from(["eosio", "bitshares"]), data=st.data())
def test_no_value_in_any_field_does_more_than_be_refused(profile: str, data: st.DataObject) -> None:
    block = PRINTED[profile]["block"]
    field = data.draw(st.sampled_from(sorted(block)))
    value = data.draw(ANY_JSON)
    refusal = ""
    try:
        inspect_block({**block, field: value}, profile)
    except InspectError as error:
        refusal = str(error)
    assert "\n" not in refusal


@given(ANY_JSON)
def test_no_json_does_more_than_be_refused(printed: object) -> None:
    for profile in ("eosio", "bitshares"):
        with pytest.raises(InspectError):
            inspect_block(printed, profile)
