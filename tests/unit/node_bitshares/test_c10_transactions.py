"""C.9 and C.10: when transactions are checked, against which time, and how often they count."""

from __future__ import annotations

import msgspec
import pytest

from node.chain.chain import Chain
from node.chain.encoding.fields import MAX_BLOB_BYTES
from node.chain.encoding.pack import DecodeError
from node.chain.model.errors import GenesisError
from node.chain.model.transaction import Transaction, TransactionHeader
from node.chain.profiles import build
from node.events import Txs
from tests.unit.node_bitshares.world import START_SLOT, bitshares_genesis, paid
from tests.unit.node_chain.builders import (
    blocks_of,
    make_chain,
    of_kind,
    producer_names,
    submit,
    tick,
)

NAMES = producer_names(4)
GENESIS = bitshares_genesis(4, maintenance_skip_slots=0)
UPSTREAM = bitshares_genesis(4, maintenance_skip_slots=0, tapos_zero="upstream")


def grown(blocks: int = 5) -> Chain:
    """Return a chain that produces everything, that many blocks old."""
    chain = make_chain(GENESIS, NAMES)
    for slot in range(START_SLOT, START_SLOT + blocks):
        tick(chain, slot)
    assert chain.head.num == blocks
    return chain


def answer(chain: Chain, transaction: Transaction, *, slot: int | None = None) -> str:
    """Return the reason a local transaction is refused with, "" when it is taken."""
    at = chain.head.slot if slot is None else slot
    (record,) = of_kind(submit(chain, transaction, slot=at), Txs)
    return record.reason


def test_the_prefix_is_bytes_4_to_7_of_the_referred_id() -> None:
    chain = grown()
    assert answer(chain, paid(chain)) == ""
    assert answer(chain, paid(chain, prefix_at=8, amount=6)) == "bad_tapos"


def test_number_and_prefix_must_belong_to_one_block_of_this_branch() -> None:
    """Upstream compares the prefix only, and lets (unused number, 0) pass; ours is strict."""
    chain = grown()
    first, head = chain.branch_ids(1)[0], chain.head.id
    mixed = first[:4] + head[4:]
    unused = (77).to_bytes(4, "big") + bytes(16)
    assert answer(chain, paid(chain, ref=mixed)) == "bad_tapos"
    assert answer(chain, paid(chain, ref=unused)) == "bad_tapos"
    assert answer(chain, paid(chain, ref=first)) == ""


def test_before_block_1_there_is_nothing_to_refer_to_and_upstream_takes_zeros() -> None:
    transaction = paid(make_chain(GENESIS))
    assert (transaction.header.ref_block_num, transaction.header.ref_block_prefix) == (0, 0)
    assert answer(make_chain(GENESIS), transaction) == "bad_tapos"
    chain = make_chain(UPSTREAM, NAMES)
    transaction = paid(chain)
    assert answer(chain, transaction) == ""
    (block,) = blocks_of(tick(chain, START_SLOT))
    assert block.transactions == (transaction,)


def test_upstream_lets_prefix_zero_pass_for_a_number_that_nobody_has_used() -> None:
    unused = (77).to_bytes(4, "big") + bytes(16)
    for genesis, expected in ((GENESIS, "bad_tapos"), (UPSTREAM, "")):
        chain = make_chain(genesis, NAMES)
        tick(chain, START_SLOT)
        assert answer(chain, paid(chain, ref=unused)) == expected
        used = chain.head.id[:4] + bytes(16)
        assert answer(chain, paid(chain, ref=used)) == "bad_tapos"


@pytest.mark.parametrize(("lives_s", "reason"), [(0, ""), (-1, "expired")])
def test_now_is_the_heads_time_and_its_own_second_still_counts(lives_s: int, reason: str) -> None:
    chain = grown()
    assert answer(chain, paid(chain, lives_s=lives_s)) == reason


def test_the_nodes_clock_plays_no_part_in_expiry() -> None:
    chain = grown()
    assert answer(chain, paid(chain, lives_s=1), slot=chain.head.slot + 100) == ""


@pytest.mark.parametrize(("past", "reason"), [(0, ""), (1, "expiration_too_far")])
def test_the_latest_expiration_is_head_time_plus_the_maximum_both_ends_included(
    past: int, reason: str
) -> None:
    chain = grown()
    most = GENESIS.max_transaction_lifetime_s
    assert answer(chain, paid(chain, lives_s=most + past)) == reason


def test_a_block_may_hold_what_expires_between_its_parent_and_itself() -> None:
    chain = grown()
    transaction = paid(chain, lives_s=0)
    answer(chain, transaction)
    (block,) = blocks_of(tick(chain, chain.head.slot + 2))
    assert block.transactions == (transaction,)
    assert chain.balance("userb") == 1005


def test_a_transaction_counts_once_on_a_branch() -> None:
    chain = grown()
    transaction = paid(chain, lives_s=3)
    answer(chain, transaction)
    tick(chain, chain.head.slot + 1)
    assert answer(chain, transaction) == "duplicate"
    tick(chain, chain.head.slot + 1)
    assert answer(chain, transaction) == "duplicate"
    assert chain.balance("userb") == 1005


def test_duplicate_then_signature_then_tapos_then_expiry() -> None:
    chain = grown()
    bad_ref = bytes(20)
    worst = paid(chain, lives_s=-9, ref=bad_ref, signer="userb")
    assert answer(chain, worst) == "bad_signature"
    assert answer(chain, paid(chain, lives_s=-9, ref=b"\0\0\0\1" + bad_ref)) == "bad_tapos"
    assert answer(chain, paid(chain, lives_s=-9)) == "expired"


def test_no_account_may_be_named_as_the_id_of_another() -> None:
    """1.2.3 on the wire is object 3; an account of that name would be another object."""
    genesis = bitshares_genesis()
    named = msgspec.structs.replace(genesis.accounts[0], name="1.2.3")
    with pytest.raises(GenesisError, match=r"accounts: 1\.2\.3 is the id of an object"):
        build(msgspec.structs.replace(genesis, accounts=[named]))


def test_a_memo_as_long_as_may_be_written_is_read_back_and_one_byte_more_is_not() -> None:
    form = build(GENESIS).transaction_rules.form
    for size in (MAX_BLOB_BYTES - 4, MAX_BLOB_BYTES):
        asked = form.transfer("usera", "userb", 1, b"m" * size)
        assert form.read(form.pack(TransactionHeader(0, 0, 0), [asked]))[1] == (asked,)
    more = form.transfer("usera", "userb", 1, b"m" * (MAX_BLOB_BYTES + 1))
    with pytest.raises(DecodeError):
        form.read(form.pack(TransactionHeader(0, 0, 0), [more]))
