"""A block that comes while one of ours is being built: EOSIO 2.x and Leap drop it, FIO takes it."""

from __future__ import annotations

import pytest

from node.chain.chain import Chain
from node.chain.model.block import SignedBlock
from node.chain.model.messages import BlockReceived, Effect, Emit, RequestSync, Tick
from node.chain.model.windows import Timing
from node.events import Ignored
from tests.unit.node_chain.builders import (
    START_SLOT,
    blocks_of,
    make_chain,
    make_genesis,
    producer_names,
    tick,
)

MS = 1_000_000
NAMES = producer_names(4)
TURN = 2
MINE = START_SLOT + TURN
"""The first slot of the second producer's turn."""


def theirs(timing: Timing) -> tuple[SignedBlock, SignedBlock]:
    """Return the two blocks of the first turn."""
    others = made(timing, NAMES[0])
    first, last = (blocks_of(tick(others, START_SLOT + i))[0] for i in range(TURN))
    return first, last


def made(timing: Timing, *names: str, stale: bool = True) -> Chain:
    """Return a chain with turns of two blocks that signs for names."""
    genesis = make_genesis(4, TURN, timing=timing)
    return make_chain(genesis, names, enable_stale_production=stale)


def receive(chain: Chain, block: SignedBlock, now_ns: int) -> list[Effect]:
    """Feed the chain a block at now_ns."""
    raw = chain.codec.encode(block)
    return chain.step(BlockReceived(now_ns=now_ns, block=block, raw=raw, peer="peer"))


def takes(chain: Chain, block: SignedBlock, now_ns: int) -> bool:
    """Return whether the chain takes a block at now_ns."""
    receive(chain, block, now_ns)
    return chain.has_block(block.id)


@pytest.mark.parametrize(
    ("timing", "windows"),
    [("fio", []), ("eosio2", [(0, 400), (500, 800)]), ("leap", [(0, 275), (275, 550)])],
)
def test_a_block_is_built_from_when_to_when_the_implementation_does(
    timing: Timing, windows: list[tuple[int, int]]
) -> None:
    chain = made(timing, NAMES[1])
    start_ns = chain.slot_clock.time_ns(MINE - 1)
    working: dict[int, int | None] = {}
    for ms in range(-500, 1500, 25):
        working[ms] = chain.at_work(start_ns + ms * MS)
    expected = dict.fromkeys(working)
    for number, (begin, end) in enumerate(windows):
        expected |= dict.fromkeys(range(begin, end, 25), MINE + number)
    assert working == expected


@pytest.mark.parametrize("timing", ["eosio2", "leap"])
def test_meanwhile_a_block_is_dropped_unread_and_its_peer_asked_later(timing: Timing) -> None:
    chain, (first, last) = made(timing, NAMES[1]), theirs(timing)
    start_ns = chain.slot_clock.time_ns(MINE - 1)
    assert takes(chain, first, start_ns - 1)
    head = chain.head
    notice = Ignored(slot=MINE, from_="peer", num=last.num, id=last.id.hex())
    assert receive(chain, last, start_ns) == [Emit(record=notice), RequestSync(peer="peer")]
    assert chain.head == head
    assert not chain.has_block(last.id)


@pytest.mark.parametrize("timing", ["eosio2", "leap"])
def test_the_first_block_of_a_turn_is_built_on_the_head_that_work_began_with(
    timing: Timing,
) -> None:
    chain, (first, last) = made(timing, NAMES[1]), theirs(timing)
    start_ns = chain.slot_clock.time_ns(MINE - 1)
    assert takes(chain, first, start_ns - 1)
    assert not takes(chain, last, start_ns)
    (own,) = blocks_of(tick(chain, MINE))
    assert own.previous == first.id


@pytest.mark.parametrize("timing", ["eosio2", "leap"])
def test_a_dropped_block_is_taken_when_it_comes_again_after_the_turn(timing: Timing) -> None:
    chain, (first, last) = made(timing, NAMES[1]), theirs(timing)
    start_ns = chain.slot_clock.time_ns(MINE - 1)
    takes(chain, first, start_ns - 1)
    assert not takes(chain, last, start_ns)
    for slot in (MINE, MINE + 1):
        tick(chain, slot)
    assert takes(chain, last, chain.slot_clock.wake_ns(MINE + 1))


@pytest.mark.parametrize("timing", ["eosio2", "leap"])
def test_who_will_not_sign_takes_blocks(timing: Timing) -> None:
    first, _ = theirs(timing)
    for chain in (
        made(timing),  # no key
        made(timing, NAMES[0], NAMES[2], NAMES[3]),  # not its turn
        made(timing, NAMES[1], stale=False),  # its head may be an old one
    ):
        assert takes(chain, first, chain.slot_clock.time_ns(MINE - 1))


@pytest.mark.parametrize("timing", ["eosio2", "leap"])
def test_who_could_not_sign_when_last_asked_takes_blocks_until_it_can(timing: Timing) -> None:
    chain, (first, last) = made(timing, NAMES[1]), theirs(timing)
    start_ns = chain.slot_clock.time_ns(MINE - 1)
    unsure = Tick(now_ns=start_ns, slot=MINE - 1, abstain="clock_offset")
    chain.step(unsure)
    assert takes(chain, first, start_ns)
    chain.step(Tick(now_ns=start_ns, slot=MINE - 1))
    assert not takes(chain, last, start_ns)


def test_fio_takes_a_block_at_any_time_and_builds_on_it() -> None:
    chain, (first, last) = made("fio", NAMES[1]), theirs("fio")
    end_ns = chain.slot_clock.wake_ns(MINE)
    assert takes(chain, first, end_ns - 2)
    assert takes(chain, last, end_ns - 1)
    (own,) = blocks_of(tick(chain, MINE))
    assert own.previous == last.id
