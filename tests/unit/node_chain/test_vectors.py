"""Bytes real chains produced: header ids, roots, signing digests and keys must come out equal."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from harness.inspect.eosio import parse_header
from harness.inspect.explain import inspect_header
from harness.inspect.fields import InspectError
from harness.inspect.keys import parse_public_key
from node.chain.encoding.crypto import recover
from node.chain.encoding.merkle import Frontier
from node.chain.eosio.finality import PendingSchedule, genesis_tally
from node.chain.eosio.header_state import HeaderState
from node.chain.model.schedule import ProducerKey, ProducerSchedule

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
HEADERS: list[dict[str, Any]] = json.loads((VECTORS / "eosio_headers.json").read_text())
GENESIS: dict[str, Any] = HEADERS[0]["header"]
REAL_STATE: dict[str, Any] = HEADERS[2]["state"]
KEY = bytes.fromhex("02c0ded2bc1f1305fb0faac5e6c03ee3a1924234985427b6167ca569d13df435cf")


def real_frontier() -> Frontier:
    """Return the merkle frontier a real node printed, as ours."""
    nodes = iter(bytes.fromhex(x) for x in REAL_STATE["blockroot_subtrees_small_to_large"])
    count = REAL_STATE["blockroot_count"]
    heights = range(count.bit_length())
    return Frontier(count, tuple(next(nodes) if count >> h & 1 else None for h in heights))


@pytest.mark.parametrize("vector", HEADERS, ids=lambda vector: vector["about"])
def test_a_real_header_gets_its_id(vector: dict[str, Any]) -> None:
    found = inspect_header(vector["header"], "eosio")
    assert found["id"] == vector["id"]
    assert found["block_num"] == vector["block_num"]
    packed = bytes.fromhex(str(found["packed"]))
    assert found["header_digest"] == sha256(packed).hexdigest()
    prefix = int.from_bytes(bytes.fromhex(vector["id"])[8:12], "little")
    assert found["ref_block_prefix"] == prefix


def test_a_real_blockroot_comes_out_of_its_subtrees() -> None:
    assert real_frontier().root().hex() == REAL_STATE["blockroot"]


def test_a_real_schedule_hash_and_signature_come_out() -> None:
    key = parse_public_key(REAL_STATE["block_signing_key"])
    schedule = ProducerSchedule(0, (ProducerKey("eosio", key),))
    assert schedule.digest().hex() == REAL_STATE["pending_schedule_hash"]
    header = parse_header(HEADERS[2]["header"])
    tally = genesis_tally(slot=header.slot, schedule=schedule, blocks_per_turn=12)
    assert tally.pending == PendingSchedule(0, schedule.digest(), schedule)
    state = HeaderState(tally, header, b"", header.digest(), key, real_frontier())
    signature = _signature_bytes(REAL_STATE["signature"])
    assert recover(state.signing_digest, signature) == key


@pytest.mark.parametrize(
    "text",
    [
        "EOS6MRyAjQq8ud7hVNYcfnVPJqcVpscN5So8BhtHuGYqET5GDW5CV",
        "FIO6MRyAjQq8ud7hVNYcfnVPJqcVpscN5So8BhtHuGYqET5GDW5CV",
        "PUB_K1_6MRyAjQq8ud7hVNYcfnVPJqcVpscN5So8BhtHuGYqET5BoDq63",
    ],
)
def test_a_key_is_read_in_each_printed_form(text: str) -> None:
    assert parse_public_key(text) == KEY


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"timestamp": "2018-06-08T08:08:08.250"}, "timestamp"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"producer": "UPPER"}, "producer"),
        ({"confirmed": 65_536}, "confirmed"),
        ({"confirmed": True}, "confirmed"),
        ({"previous": "00"}, "previous"),
        ({"previous": "zz"}, "previous"),
        ({"schedule_version": "0"}, "schedule_version"),
        ({"new_producers": []}, "new_producers"),
        ({"header_extensions": [[1]]}, "header_extensions"),
    ],
)
def test_a_malformed_field_is_named_in_one_line(change: dict[str, object], word: str) -> None:
    with pytest.raises(InspectError, match=f"^{word}: [^\n]+$"):
        inspect_header({**GENESIS, **change}, "eosio")


def test_a_missing_field_an_unknown_profile_and_a_bad_key_are_named() -> None:
    with pytest.raises(InspectError, match="action_mroot: the field is missing"):
        inspect_header({k: v for k, v in GENESIS.items() if k != "action_mroot"}, "eosio")
    with pytest.raises(InspectError, match="profile: 'x' is unknown"):
        inspect_header(GENESIS, "x")
    with pytest.raises(InspectError, match="checksum"):
        parse_public_key("EOS6MRyAjQq8ud7hVNYcfnVPJqcVpscN5So8BhtHuGYqET5GDW5CW")


def test_new_producers_and_extensions_enter_the_id() -> None:
    producers = [{"producer_name": "eosio", "block_signing_key": REAL_STATE["block_signing_key"]}]
    changed = {
        **GENESIS,
        "new_producers": {"version": 1, "producers": producers},
        "header_extensions": [[0, "0102"]],
    }
    packed = str(inspect_header(changed, "eosio")["packed"])
    schedule = "01" + "01000000" + "01" + "0000000000ea3055" + "00" + KEY.hex()
    assert packed.endswith(schedule + "01" + "0000" + "02" + "0102")


def _signature_bytes(text: str) -> bytes:
    letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number = 0
    for letter in text.removeprefix("SIG_K1_"):
        number = number * 58 + letters.index(letter)
    return number.to_bytes(69, "big")[:65]
