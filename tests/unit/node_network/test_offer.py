"""What a peer is offered that was cut off: what waits and it may lack, in order and bounded."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from node.chain.eosio.transactions import EosioTransactions
from node.chain.model.codec import burst_bytes_max
from node.chain.model.transaction import Transaction, TransactionHeader, read_transaction
from node.network.gossip import OFFERED_MAX, Gossip
from node.network.links import SEND_HWM

FORM = EosioTransactions()
S = 1_000_000_000
NOW_S = 1_700_000_000
PLENTY = burst_bytes_max(0)


def transaction(n: int, *, expires_s: int = NOW_S, memo_bytes: int = 8) -> Transaction:
    memo = n.to_bytes(8, "big") + bytes(memo_bytes - 8)
    transfer = FORM.transfer("usera", "userb", 1, memo)
    body = FORM.pack(TransactionHeader(expires_s, 1, 1), (transfer,))
    return read_transaction(body, (bytes(65),), FORM)


def offered(gossip: Gossip, peer: str, waiting: Sequence[Transaction]) -> list[Transaction]:
    return gossip.offer(peer, waiting, now_ns=NOW_S * S, bytes_max=PLENTY)


@st.composite
def mempools(draw: st.DrawFn) -> tuple[list[Transaction], set[bytes]]:
    """Return what waits and the ids that the peer is known to have."""
    each = st.tuples(st.integers(NOW_S - 2, NOW_S + 2), st.integers(8, 200), st.booleans())
    waiting, known = [], set()
    for n, (expires_s, memo_bytes, has) in enumerate(draw(st.lists(each, max_size=20))):
        one = transaction(n, expires_s=expires_s, memo_bytes=memo_bytes)
        waiting.append(one)
        known |= {one.id} if has else set()
    return waiting, known


@given(mempools(), st.integers(1, 2_000))
def test_repeated_offers_hand_over_all_that_is_lacking_in_order_and_within_the_bound(
    drawn: tuple[list[Transaction], set[bytes]], bytes_max: int
) -> None:
    waiting, known = drawn
    lacking = [t for t in waiting if t.id not in known and t.expiration_s >= NOW_S]
    gossip = Gossip("hosta")
    gossip.forget("hostb")
    gossip.first_seen("hostb", [one for one in waiting if one.id in known])
    got: list[Transaction] = []
    while "hostb" in gossip.owed:
        found = gossip.offer("hostb", waiting, now_ns=NOW_S * S, bytes_max=bytes_max)
        assert sum(t.size_bytes for t in found) <= bytes_max or len(found) == 1
        assert found or "hostb" not in gossip.owed
        got.extend(found)
        assert gossip.push(found, "hostb", lambda _, some: len(some))
    assert got == lacking


def test_an_offer_leaves_a_links_queue_room_for_blocks() -> None:
    waiting = [transaction(n) for n in range(OFFERED_MAX + 1)]
    gossip = Gossip("hosta")
    gossip.forget("hostb")
    assert offered(gossip, "hostb", waiting) == waiting[:-1]
    assert "hostb" in gossip.owed
    assert OFFERED_MAX <= SEND_HWM // 2


def test_what_expires_in_this_very_second_is_offered_and_an_older_one_is_not() -> None:
    ages = [transaction(n, expires_s=NOW_S - n) for n in range(2)]
    assert offered(Gossip("hosta"), "hostb", ages) == ages[:1]


def test_a_peer_its_source_reaches_no_more_is_owed_what_was_left_to_that_source() -> None:
    theirs = transaction(1)
    for lose in (lambda g: g.linked("hostb", set()), lambda g: g.forget("hostb")):
        gossip = Gossip("hosta")
        gossip.linked("hostb", {"hostc"})
        gossip.relay([theirs], ["hostc"], "hostb", lambda *_: 0)
        lose(gossip)
        assert "hostc" in gossip.owed
        assert offered(gossip, "hostc", [theirs]) == [theirs]
        assert "hostd" not in gossip.owed
