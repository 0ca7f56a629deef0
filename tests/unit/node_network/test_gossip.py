"""Who gets a body, who gets an announcement, and who is asked."""

from __future__ import annotations

from node.network.gossip import (
    FEW_HOLDERS,
    NO_HOLDER,
    RETRY_NS,
    WAIT_MIN_NS,
    WAIT_SPREAD_NS,
    Gossip,
    KnownIds,
)

X = b"x" * 32
PEERS = ["hostb", "hostc", "hostd"]


def pushed(gossip: Gossip) -> list[str]:
    """Return to whom X is pushed."""
    told: list[str] = []
    gossip.push_block(X, PEERS, lambda peer: not told.append(peer))
    return told


def test_nothing_goes_back_to_where_it_came_from() -> None:
    gossip = Gossip("hosta")
    gossip.has_block("hostb", X)
    assert pushed(gossip) == ["hostc", "hostd"]


def test_a_reconnected_peer_is_told_again() -> None:
    gossip = Gossip("hosta")
    gossip.has_block("hostb", X)
    gossip.forget("hostb")
    assert pushed(gossip) == PEERS


def told(gossip: Gossip, unless: int) -> list[str]:
    """Return who is told of X, which came from hostb."""
    found: list[str] = []
    gossip.announce_block(X, PEERS, lambda peer: not found.append(peer), unless=unless)
    return found


def test_only_whom_the_source_does_not_reach_is_told_at_once() -> None:
    gossip = Gossip("hosta")
    gossip.came("hostb", X)
    assert told(gossip, NO_HOLDER) == ["hostc", "hostd"]
    gossip.linked("hostb", {"hosta", "hostc"})
    assert told(gossip, NO_HOLDER) == ["hostd"]
    gossip.forget("hostb")
    assert told(gossip, NO_HOLDER) == PEERS


def test_whom_two_tellers_and_the_source_reach_is_not_told_later_either() -> None:
    gossip = Gossip("hosta")
    peers = {"hostb", "hostc", "hostd", "hoste"}
    for peer in peers:
        gossip.linked(peer, peers - {peer})
    gossip.came("hostb", X)
    assert told(gossip, FEW_HOLDERS) == ["hostc", "hostd"]
    gossip.has_block("hostc", X)
    assert told(gossip, FEW_HOLDERS) == ["hostd"]
    gossip.has_block("hoste", X)
    assert told(gossip, FEW_HOLDERS) == []
    gossip.linked("hoste", {"hostb", "hostc"})
    assert told(gossip, FEW_HOLDERS) == ["hostd"]


def test_an_announced_block_is_asked_for_after_20_to_50_ms() -> None:
    gossip = Gossip("hosta")
    gossip.announced("hostb", X, 0)
    due_ns = gossip.next_due_ns()
    assert due_ns is not None
    assert WAIT_MIN_NS <= due_ns < WAIT_MIN_NS + WAIT_SPREAD_NS
    assert gossip.due(due_ns - 1) == {}
    assert gossip.due(due_ns) == {"hostb": [X]}


def test_a_block_that_arrived_is_not_asked_for() -> None:
    gossip = Gossip("hosta")
    gossip.announced("hostb", X, 0)
    gossip.came("hostc", X)
    assert gossip.due(10**9) == {}
    assert gossip.next_due_ns() is None


def test_a_holder_that_does_not_deliver_is_followed_by_the_next_and_then_nobody() -> None:
    gossip = Gossip("hosta")
    gossip.announced("hostb", X, 0)
    gossip.announced("hostc", X, 1)
    first_ns = 10**9
    assert gossip.due(first_ns) == {"hostb": [X]}
    assert gossip.due(first_ns + RETRY_NS - 1) == {}
    assert gossip.due(first_ns + RETRY_NS) == {"hostc": [X]}
    assert gossip.due(first_ns + 2 * RETRY_NS) == {}
    assert gossip.next_due_ns() is None


def test_hosts_wait_differently_for_the_same_block() -> None:
    waits = set()
    for host in PEERS:
        gossip = Gossip(host)
        gossip.announced("hosta", X, 0)
        waits.add(gossip.next_due_ns())
    assert len(waits) == len(PEERS)


def test_known_ids_are_bounded_and_forget_the_oldest() -> None:
    known = KnownIds(2)
    for item in (b"1", b"2", b"2", b"3"):
        known.add(item)
    assert [item in known for item in (b"1", b"2", b"3")] == [False, True, True]
