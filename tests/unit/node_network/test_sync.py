"""Catching up: whom to ask, when to give up, where to go on."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.network.sync_rules import (
    BACKOFF_NS,
    STALE_NS,
    TIMEOUT_NS,
    Ask,
    Sync,
    Tip,
    after_locator,
    locator,
)

MINE = Tip(head_num=10, head_id=b"a10", lib_num=5)


def tip(head_num: int, lib_num: int, branch: str = "a") -> Tip:
    return Tip(head_num=head_num, head_id=f"{branch}{head_num}".encode(), lib_num=lib_num)


def knows(block_id: bytes) -> bool:
    return block_id.startswith(b"a") and int(block_id[1:]) <= 10


def sync_with(**tips: Tip) -> Sync:
    sync = Sync()
    for peer, its in tips.items():
        sync.saw(peer, its, known=knows(its.head_id), now_ns=0)
    return sync


@pytest.mark.parametrize(
    ("its", "asked_at_ns"),
    [
        (tip(10, 5), None),
        (tip(9, 5, "b"), None),
        (tip(12, 5), STALE_NS),
        (tip(13, 5), 0),
        (tip(10, 6, "b"), STALE_NS),
        (tip(9, 6, "b"), STALE_NS),
        (tip(11, 11, "b"), 0),
    ],
)
def test_a_peer_is_asked_when_it_is_ahead_by_more_than_what_is_in_flight(
    its: Tip, asked_at_ns: int | None
) -> None:
    times_ns = (0, STALE_NS - 1, STALE_NS, 100 * STALE_NS)
    first = next((t for t in times_ns if sync_with(hostb=its).poll(MINE, knows, t)), None)
    assert first == asked_at_ns


def test_the_peer_furthest_ahead_is_asked_and_only_one_at_a_time() -> None:
    sync = sync_with(hostb=tip(90, 50), hostc=tip(80, 70), hostd=tip(20, 10))
    assert sync.poll(MINE, knows, 0) == Ask(peer="hostc", request=1)
    assert sync.poll(MINE, knows, TIMEOUT_NS - 1) is None


def test_a_silent_peer_is_followed_by_the_next() -> None:
    sync = sync_with(hostb=tip(90, 50), hostc=tip(80, 70))
    sync.poll(MINE, knows, 0)
    assert sync.poll(MINE, knows, TIMEOUT_NS) == Ask(peer="hostb", request=2)
    assert not sync.answered("hostc", 1)


def test_a_peer_that_sends_nothing_is_left_alone_for_a_while() -> None:
    sync = sync_with(hostb=tip(90, 50))
    sync.poll(MINE, knows, 0)
    assert sync.answered("hostb", 1)
    sync.applied(blocks=0, more=False, now_ns=10)
    assert sync.poll(MINE, knows, 10) is None
    assert sync.poll(MINE, knows, 10 + BACKOFF_NS) == Ask(peer="hostb", request=2)


def test_no_timeout_while_the_answer_is_being_applied_then_straight_on() -> None:
    sync = sync_with(hostb=tip(900, 800))
    sync.poll(MINE, knows, 0)
    assert sync.answered("hostb", 1)
    assert sync.poll(MINE, knows, 10 * TIMEOUT_NS) is None
    sync.applied(blocks=100, more=True, now_ns=10 * TIMEOUT_NS)
    assert sync.poll(MINE, knows, 10 * TIMEOUT_NS) == Ask(peer="hostb", request=2)


def test_an_answer_nobody_asked_for_is_refused() -> None:
    sync = sync_with(hostb=tip(90, 50), hostc=tip(20, 10))
    assert not sync.answered("hostb", 1)
    sync.poll(MINE, knows, 0)
    assert not sync.answered("hostc", 1)
    assert not sync.answered("hostb", 2)


def test_a_block_that_links_to_nothing_starts_a_request_at_once() -> None:
    sync = sync_with(hostb=tip(11, 5))
    assert sync.poll(MINE, knows, 0) is None
    sync.nudge("hostb")
    assert sync.poll(MINE, knows, 0) == Ask(peer="hostb", request=1)


def test_a_lost_peer_ends_the_request_to_it() -> None:
    sync = sync_with(hostb=tip(90, 50), hostc=tip(80, 40))
    sync.poll(MINE, knows, 0)
    sync.gone("hostb")
    assert sync.active_peer is None
    assert sync.poll(MINE, knows, 1) == Ask(peer="hostc", request=2)


def test_a_peer_lost_while_its_answer_is_applied_ends_no_later_request() -> None:
    sync = sync_with(hostb=tip(90, 50), hostc=tip(80, 40))
    sync.poll(MINE, knows, 0)
    assert sync.answered("hostb", 1)
    sync.gone("hostb")
    assert sync.poll(MINE, knows, 1) is None
    sync.applied(blocks=0, more=False, now_ns=2)
    assert sync.poll(MINE, knows, 2) == Ask(peer="hostc", request=2)
    sync.applied(blocks=0, more=False, now_ns=3)
    assert sync.active_peer == "hostc"
    assert sync.answered("hostc", 2)


def test_a_peer_lost_while_its_answer_is_applied_is_asked_at_once_when_it_is_back() -> None:
    sync = sync_with(hostb=tip(90, 50))
    sync.poll(MINE, knows, 0)
    assert sync.answered("hostb", 1)
    sync.gone("hostb")
    sync.applied(blocks=0, more=False, now_ns=2)
    sync.saw("hostb", tip(90, 50), known=False, now_ns=3)
    assert sync.poll(MINE, knows, 3) == Ask(peer="hostb", request=2)


def test_each_begin_and_end_of_catching_up_is_told_once() -> None:
    sync = sync_with(hostb=tip(900, 800))
    told = []
    for now_ns, blocks in ((0, 100), (1, 100), (2, 0), (3, 0)):
        sync.poll(MINE, knows, now_ns)
        told.append(sync.news())
        sync.answered("hostb", now_ns + 1)
        sync.applied(blocks=blocks, more=bool(blocks), now_ns=now_ns)
    assert told == [("hostb", "syncing"), None, None, ("hostb", "synced")]
    assert sync.news() is None


WHO = st.sampled_from(("hostb", "hostc", "hostd"))
HAPPENS = st.one_of(
    st.tuples(st.just("gone"), WHO),
    st.tuples(st.just("saw"), WHO),
    st.tuples(st.just("poll"), st.just("")),
    st.tuples(st.just("answer"), WHO),
    st.tuples(st.just("applied"), st.just("")),
)


@settings(max_examples=400)
@given(st.lists(HAPPENS, min_size=4, max_size=60))
def test_a_request_stands_until_its_own_answer_or_the_loss_of_its_peer(
    story: list[tuple[str, str]],
) -> None:
    sync = sync_with(hostb=tip(90, 50), hostc=tip(80, 40))
    out: Ask | None = None
    applying = False
    for event, peer in story:
        match event:
            case "gone":
                sync.gone(peer)
                out = None if out is not None and out.peer == peer else out
            case "saw":
                sync.saw(peer, tip(90, 50), known=False, now_ns=0)
            case "poll":
                ask = sync.poll(MINE, knows, 0)
                assert ask is None or (out is None and not applying)
                out = ask or out
            case "answer":
                ours = out is not None and out.peer == peer
                number = out.request if out is not None else 0
                assert sync.answered(peer, number) is ours
                out, applying = (None, True) if ours else (out, applying)
            case "applied" if applying:
                sync.applied(blocks=1, more=False, now_ns=0)
                applying = False
        assert sync.active_peer == out.peer if out is not None else True


@pytest.mark.parametrize("length", [1, 2, 9, 10, 11, 12, 100, 5_000])
def test_a_locator_is_short_newest_first_and_ends_at_the_oldest(length: int) -> None:
    ids = [n.to_bytes(32, "big") for n in range(length)]
    picked = locator(ids, 64)
    assert picked[0] == ids[-1]
    assert picked[-1] == ids[0]
    assert len(picked) == len(set(picked)) <= 64
    assert picked == sorted(picked, reverse=True)
    assert picked[: min(10, length)] == ids[::-1][:10]


def test_the_newest_shared_block_is_found_above_and_below_the_last_irreversible() -> None:
    positions = {b"a6": 6, b"a7": 7}
    below = {b"a4": 4, b"a5": 5}
    assert after_locator([b"b8", b"b7", b"a6", b"a5"], positions, below.get) == 6
    assert after_locator([b"b8", b"b6", b"a4"], positions, below.get) == 4
    assert after_locator([b"b8", b"b3"], positions, below.get) is None
