"""Chain.step on one and on four chains: the work order, refusals, blocks that break a rule."""

from __future__ import annotations

import contextlib
import dataclasses
from hashlib import sha256

from node.chain.chain import Chain
from node.chain.encoding.crypto import public_key, sign
from node.chain.eosio.codec import EosioCodec
from node.chain.eosio.profile import FUTURE_LIMIT_NS
from node.chain.eosio.roots import transaction_mroot
from node.chain.model.block import SignedBlock
from node.chain.model.errors import BlockRejected, Reason
from node.chain.model.messages import Broadcast, Emit, Finalize, Persist
from node.chain.model.schedule import ProducerKey, ProducerSchedule
from node.chain.model.watermark import Watermark
from node.events import Abstained, Applied, Irreversible, Produced, Record, Rejected
from tests.unit.node_chain.builders import (
    START_SLOT,
    blocks_of,
    make_chain,
    make_genesis,
    notices,
    of_kind,
    producer_names,
    receive,
    secret,
    tick,
    transfer,
)

GENESIS = make_genesis()
NAMES = producer_names(4)


def grown(blocks: int) -> tuple[Chain, list[SignedBlock]]:
    """Return an observer with that many blocks on it, and the blocks."""
    maker, observer = make_chain(GENESIS, NAMES), make_chain(GENESIS)
    made = []
    for slot in range(START_SLOT, START_SLOT + blocks):
        made.extend(blocks_of(tick(maker, slot)))
        receive(observer, made[-1])
    return observer, made


def resigned(
    parent_chain: Chain, block: SignedBlock, signer: str, **changes: object
) -> SignedBlock:
    """Return block with header fields changed and signed again, rightly, by signer."""
    header = dataclasses.replace(block.header, **changes)  # type: ignore[arg-type]
    item = parent_chain._fork_db.get(header.previous)
    assert item is not None
    digest = bytes(32)
    with contextlib.suppress(BlockRejected):
        digest = item.state.child(header).signing_digest
    return SignedBlock(header, sign(secret(signer), digest), block.transactions)


def test_an_own_block_is_durable_then_told_then_sent() -> None:
    chain = make_chain(GENESIS, ["producera"])
    effects = tick(chain, START_SLOT)
    (block,) = blocks_of(effects)
    raw = EosioCodec().encode(block)
    mark = Watermark(producer="producera", num=2, slot=START_SLOT)
    produced, applied = notices(effects)
    assert effects[:3] == [
        Persist(block=block, raw=raw, watermark=mark),
        Emit(record=produced),
        Broadcast(block=block, raw=raw),
    ]
    assert produced == Produced(
        num=2,
        id=block.id.hex(),
        slot=START_SLOT,
        producer="producera",
        tx_count=0,
        size_bytes=len(raw),
        confirmed=0,
    )
    assert applied == Applied(
        num=2,
        id=block.id.hex(),
        previous=chain.branch_ids(1)[0].hex(),
        slot=START_SLOT,
        producer="producera",
        header=block.header.packed_for_id(block.signature).hex(),
        state_digest=chain.state_digest.hex(),
        tx_count=0,
    )
    assert chain.head.id == block.id


def test_a_received_block_is_stored_and_relayed_before_it_is_applied() -> None:
    maker, chain = make_chain(GENESIS, NAMES), make_chain(GENESIS)
    (block,) = blocks_of(tick(maker, START_SLOT))
    effects = receive(chain, block)
    raw = EosioCodec().encode(block)
    assert effects[:2] == [
        Persist(block=block, raw=raw),
        Broadcast(block=block, raw=raw, source="peer"),
    ]
    (applied,) = notices(effects)
    assert isinstance(applied, Applied)
    assert receive(chain, block) == []  # known
    assert chain.state_digest == maker.state_digest


def test_a_lib_jump_is_finalized_once_and_told_block_by_block() -> None:
    chain, maker = make_chain(GENESIS), make_chain(GENESIS, NAMES)
    for slot in range(START_SLOT, START_SLOT + 40):
        effects = receive(chain, blocks_of(tick(maker, slot))[0])
        finalized = [effect for effect in effects if isinstance(effect, Finalize)]
        told = of_kind(effects, Irreversible)
        assert len(finalized) <= 1
        if told:
            position = effects.index(finalized[0])
            assert effects[position + 1 :] == [Emit(record=record) for record in told]
            assert finalized[0].num == chain.lib.num


def test_memory_stays_bounded_by_the_reversible_blocks() -> None:
    chain, made = grown(200)
    assert len(chain._fork_db) <= 10
    assert chain.has_block(made[0].id)
    assert chain.branch_ids(2) == [block.id for block in made]


def abstention(chain: Chain, slot: int, abstain: str | None = None) -> list[Record]:
    """Return what the chain tells at slot."""
    effects = tick(chain, slot, abstain)
    assert blocks_of(effects) == []
    return notices(effects)


def test_slots_of_others_and_before_the_first_are_passed_in_silence() -> None:
    chain = make_chain(GENESIS, ["producerb"])
    for slot in (START_SLOT - 10, START_SLOT - 1, START_SLOT, START_SLOT + 1):
        assert tick(chain, slot) == []
    assert len(blocks_of(tick(make_chain(GENESIS, ["producera"]), START_SLOT))) == 1


def test_a_recent_block_of_a_losing_branch_does_not_make_an_old_head_recent() -> None:
    maker, chain = make_chain(GENESIS, NAMES[1:]), make_chain(GENESIS, ["producera"])
    rival = make_chain(GENESIS, NAMES, enable_stale_production=True)
    tick(maker, START_SLOT)
    for i in (2, 3, 4, 5):
        (block,) = blocks_of(tick(maker, START_SLOT + i))
        receive(chain, block, now_slot=START_SLOT + 70)
    (recent,) = blocks_of(tick(rival, START_SLOT + 70))
    assert blocks_of(receive(chain, recent)) == [recent]
    assert chain.head == maker.head
    stale = Abstained(slot=START_SLOT + 72, producer="producera", reason="stale")
    assert abstention(chain, START_SLOT + 72) == [stale]


def test_the_reasons_to_abstain_are_told() -> None:
    chain = make_chain(GENESIS, ["producera"])
    assert abstention(chain, START_SLOT, "clock_unverified") == [
        Abstained(slot=START_SLOT, producer="producera", reason="clock_unverified")
    ]
    ahead = Watermark(producer="producera", num=5, slot=START_SLOT - 8)
    chain = make_chain(GENESIS, ["producera"], watermarks=[ahead])
    (record,) = abstention(chain, START_SLOT)
    assert record == Abstained(slot=START_SLOT, producer="producera", reason="watermark_num")
    signed = Watermark(producer="producera", num=1, slot=START_SLOT)
    chain = make_chain(GENESIS, ["producera"], watermarks=[signed])
    (record,) = abstention(chain, START_SLOT)
    assert record == Abstained(slot=START_SLOT, producer="producera", reason="watermark_slot")
    assert len(blocks_of(tick(chain, START_SLOT + 1))) == 1
    (record,) = abstention(chain, START_SLOT + 1)  # the clock stepped back
    assert record == Abstained(slot=START_SLOT + 1, producer="producera", reason="watermark_slot")


def reason_of(chain: Chain, block: SignedBlock) -> str:
    """Return why the chain refuses block; the head does not move."""
    head = chain.head
    (record,) = of_kind(receive(chain, block, now_slot=head.slot + 2), Rejected)
    assert (record.what, record.from_, record.num) == ("block", "peer", block.num)
    assert chain.head == head
    return record.reason


def test_a_block_that_breaks_a_rule_is_refused_with_the_reason() -> None:
    chain, made = grown(21)
    parent_chain, _ = grown(20)
    last = made[-1]  # first block of producerc's turn
    signer = last.producer
    schedule = ProducerSchedule(1, (ProducerKey("x", public_key(secret("x"))),))
    cases = [
        ({"slot": made[-2].slot}, signer, Reason.SLOT_NOT_AFTER_PARENT),
        ({"producer": "nobody"}, signer, Reason.WRONG_PRODUCER),
        ({"slot": last.slot + 2, "confirmed": 0}, signer, Reason.WRONG_PRODUCER),
        ({"schedule_version": 1}, signer, Reason.BAD_SCHEDULE_VERSION),
        ({"confirmed": 22}, signer, Reason.CONFIRMED_TOO_LARGE),
        ({"confirmed": 21}, signer, Reason.DOUBLE_CONFIRM),
        ({"confirmed": last.header.confirmed + 1}, signer, Reason.DOUBLE_CONFIRM),
        ({"transaction_mroot": sha256(b"x").digest()}, signer, Reason.BAD_TRANSACTION_MROOT),
        ({"action_mroot": sha256(b"x").digest()}, signer, Reason.CONTENT_MISMATCH),
        ({"extensions": ((0, b"x"),)}, signer, Reason.UNKNOWN_EXTENSION),
        ({"new_producers": schedule}, signer, Reason.CONTENT_MISMATCH),
        (
            {"new_producers": dataclasses.replace(schedule, version=7)},
            signer,
            Reason.BAD_NEW_PRODUCERS,
        ),
        ({"confirmed": 0}, "somebody", Reason.BAD_SIGNATURE),
    ]
    chain = parent_chain
    for changes, key, reason in cases:
        bad = resigned(chain, last, key, **changes)
        assert reason_of(chain, bad) == reason, changes
    assert receive(chain, last)  # none of them was in its way


def test_what_a_relay_adds_to_a_block_is_refused_and_the_block_itself_is_taken() -> None:
    chain, _ = grown(4)
    (block,) = blocks_of(tick(make_maker(4), START_SLOT + 4))
    added = dataclasses.replace(block, extensions=((0, b"x" * 4096),) * 16)
    assert added.id == block.id
    assert reason_of(chain, added) == "unknown_extension"
    assert blocks_of(receive(chain, block)) == [block]


def test_a_block_with_a_bad_transaction_is_refused_and_leaves_no_trace() -> None:
    chain, _ = grown(4)
    maker, _ = grown(4)
    (empty,) = blocks_of(tick(make_maker(4), START_SLOT + 4))
    poor = transfer(maker, amount=5000)
    digest = chain.state_digest
    roots = {"transaction_mroot": transaction_mroot([poor]), "action_mroot": bytes(32)}
    bad = dataclasses.replace(empty, transactions=(poor,))
    assert reason_of(chain, resigned(chain, bad, empty.producer, **roots)) == "invalid_transactions"
    assert chain.state_digest == digest
    assert receive(chain, empty)
    assert chain.head.id == empty.id


def make_maker(blocks: int) -> Chain:
    """Return a chain with all keys that produced that many blocks."""
    maker = make_chain(GENESIS, NAMES)
    for slot in range(START_SLOT, START_SLOT + blocks):
        tick(maker, slot)
    return maker


def test_a_block_over_the_size_limit_is_refused() -> None:
    small = make_genesis(max_block_bytes=1024)
    chain, maker = make_chain(small), make_chain(small, NAMES)
    many = tuple(transfer(maker, memo=bytes(300) + bytes((i,))) for i in range(4))
    (block,) = blocks_of(tick(maker, START_SLOT))
    header = dataclasses.replace(
        block.header, transaction_mroot=transaction_mroot(many), action_mroot=bytes(32)
    )
    assert reason_of(chain, SignedBlock(header, block.signature, many)) == "block_too_large"


def test_a_block_seven_seconds_ahead_is_refused_and_one_less_is_not() -> None:
    maker = make_chain(GENESIS, NAMES)
    (block,) = blocks_of(tick(maker, START_SLOT))
    chain = make_chain(GENESIS)
    (record,) = of_kind(receive(chain, block, late_ns=-FUTURE_LIMIT_NS), Rejected)
    assert record.reason == "future_block"
    assert chain.head.num == 1
    receive(chain, block, late_ns=1 - FUTURE_LIMIT_NS)
    assert chain.head.id == block.id
