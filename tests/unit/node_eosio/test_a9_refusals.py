"""When a scheduled producer must not sign: the conditions, and their order."""

from __future__ import annotations

import pytest

from node.chain.chain import Chain
from node.chain.model.block import SignedBlock
from node.chain.model.errors import Reason
from node.chain.model.messages import Tick
from node.chain.model.watermark import Watermark
from node.chain.profiles import build
from node.events import Abstained
from tests.unit.node_chain.builders import (
    SHARED_VERIFIER,
    START_SLOT,
    blocks_of,
    make_chain,
    make_genesis,
    of_kind,
    producer_names,
    receive,
    secret,
    tick,
)

GENESIS = make_genesis()
NAMES = producer_names(4)
SECOND_NS = 10**9


def chain_of(*names: str, age_s: int | None = None, **options: object) -> Chain:
    """Return a chain that signs for names."""
    return Chain(
        GENESIS,
        profile=build(GENESIS),
        keys={name: secret(str(options.get("key", name))) for name in names},
        watermarks={
            name: Watermark(producer=name, num=99, slot=START_SLOT + 9999)
            for name in (names if options.get("marked") else ())
        },
        verifier=SHARED_VERIFIER,
        enable_stale_production=bool(options.get("stale", True)),
        lib_age_ns_max=None if age_s is None else age_s * SECOND_NS,
    )


def refusal(chain: Chain, slot: int, abstain: str | None = None) -> str:
    """Return why the chain leaves slot empty, "" if it signs, "-" if it has nothing to say."""
    effects = tick(chain, START_SLOT + slot, abstain)
    told = of_kind(effects, Abstained)
    if told:
        return told[0].reason
    return "" if blocks_of(effects) else "-"


@pytest.mark.parametrize(
    ("options", "age_s", "abstain", "reason"),
    [
        ({"stale": False, "key": "other", "marked": True}, 60, "paused", Reason.STALE),
        ({"key": "other", "marked": True}, 60, "paused", Reason.WRONG_KEY),
        ({"marked": True}, 60, "paused", "paused"),
        ({"marked": True}, 60, None, Reason.IRREVERSIBLE_TOO_OLD),
        ({"marked": True}, None, None, Reason.WATERMARK_NUM),
        ({}, None, None, ""),
    ],
)
def test_the_first_condition_that_fails_gives_the_reason(
    options: dict[str, object], age_s: int | None, abstain: str | None, reason: str
) -> None:
    chain = chain_of(NAMES[0], age_s=age_s, **options)
    assert refusal(chain, 8 * 60, abstain) == reason


def test_who_is_not_scheduled_or_holds_no_key_says_nothing() -> None:
    assert refusal(chain_of(NAMES[1]), 0) == "-"
    assert refusal(chain_of(), 0) == "-"


@pytest.mark.parametrize(("over_ns", "reason"), [(-1, ""), (0, "irreversible_too_old")])
def test_an_old_irreversible_block_stops_production_from_the_very_age_on(
    over_ns: int, reason: str
) -> None:
    chain = chain_of(*NAMES, age_s=60)
    slot = START_SLOT - 1 + 120  # 60 s after the genesis block's time
    now_ns = chain.slot_clock.time_ns(slot) + over_ns
    effects = chain.step(Tick(now_ns=now_ns, slot=slot))
    told = [record.reason for record in of_kind(effects, Abstained)]
    assert told == ([reason] if reason else [])


def test_production_is_enabled_by_a_block_whose_next_slot_has_not_passed() -> None:
    maker = make_chain(GENESIS, NAMES, enable_stale_production=True)
    blocks = [blocks_of(tick(maker, START_SLOT + i))[0] for i in range(100, 102)]
    late, fresh = chain_of(NAMES[3], stale=False), chain_of(NAMES[3], stale=False)
    for block in blocks:
        receive(late, block, now_slot=START_SLOT + 104)
        receive(fresh, block, now_slot=START_SLOT + 102)
    assert refusal(late, 110) == Reason.STALE
    assert refusal(fresh, 110) == ""


@pytest.mark.parametrize(
    ("watermark", "reason"), [("num_and_slot", Reason.WATERMARK_SLOT), ("num", "")]
)
def test_a_watermark_of_the_number_alone_lets_one_slot_be_signed_twice(
    watermark: str, reason: str
) -> None:
    genesis = make_genesis(watermark=watermark)
    rival = make_chain(genesis, NAMES[:3], enable_stale_production=True)
    mine = make_chain(genesis, NAMES[3:], enable_stale_production=True)
    assert blocks_of(tick(mine, START_SLOT + 6)), "early, on genesis"
    longer: list[SignedBlock] = []
    for i in range(4):
        longer += blocks_of(tick(rival, START_SLOT + i))
    for block in longer:
        receive(mine, block, now_slot=START_SLOT + 6)
    assert mine.head.id == longer[-1].id
    assert refusal(mine, 6) == reason
