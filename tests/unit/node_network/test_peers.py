"""Where links stand, and what is told of them."""

from __future__ import annotations

from node.events import Peer
from node.network.peers import REFUSED_RETRY_NS, SILENT_NS, Peers
from node.network.wire import Hello


def hello(session: bytes = b"session1") -> Hello:
    return Hello(bytes(32), session, 9, bytes(32), 50, 5, bytes(32), [])


def peers_and_told() -> tuple[Peers, list[tuple[str, str]]]:
    told: list[tuple[str, str]] = []

    def emit(record: Peer) -> None:
        told.append((record.state, record.reason))

    return Peers(["hostb"], emit), told


def test_a_peer_is_ready_when_it_is_linked_and_said_hello() -> None:
    peers, told = peers_and_told()
    peers.link("hostb", up=True, reason="")
    assert peers.ready() == []
    assert not peers.accepts("hostb")
    assert peers.heard("hostb", hello(), refusal="", now_ns=0)
    assert peers.ready() == ["hostb"]
    assert peers.accepts("hostb")
    assert not peers.heard("hostb", hello(), refusal="", now_ns=1)
    assert told == [("connected", ""), ("handshaked", "")]


def test_another_session_is_fresh() -> None:
    peers, _ = peers_and_told()
    peers.heard("hostb", hello(), refusal="", now_ns=0)
    assert peers.heard("hostb", hello(b"session2"), refusal="", now_ns=1)


def test_a_lost_link_needs_another_hello_before_it_is_sent_to() -> None:
    peers, told = peers_and_told()
    peers.link("hostb", up=True, reason="")
    peers.heard("hostb", hello(), refusal="", now_ns=0)
    peers.link("hostb", up=False, reason="connection_lost")
    peers.link("hostb", up=True, reason="")
    assert peers.ready() == []
    assert told[2:] == [("disconnected", "connection_lost"), ("connected", "")]


def test_a_refused_peer_is_greeted_rarely_and_comes_back_when_it_fits() -> None:
    peers, told = peers_and_told()
    peers.link("hostb", up=True, reason="")
    peers.heard("hostb", hello(), refusal="wrong_chain", now_ns=0)
    assert not peers.accepts("hostb")
    assert peers.to_greet(0) == ["hostb"]
    assert peers.to_greet(REFUSED_RETRY_NS - 1) == []
    assert peers.to_greet(REFUSED_RETRY_NS) == ["hostb"]
    peers.heard("hostb", hello(), refusal="wrong_chain", now_ns=1)
    peers.heard("hostb", hello(b"session2"), refusal="", now_ns=2)
    assert peers.ready() == ["hostb"]
    assert told == [("connected", ""), ("refused", "wrong_chain"), ("handshaked", "")]


def test_what_a_peer_sends_counts_though_our_own_road_to_it_is_lost() -> None:
    peers, _ = peers_and_told()
    peers.link("hostb", up=True, reason="")
    peers.heard("hostb", hello(), refusal="", now_ns=0)
    peers.link("hostb", up=False, reason="connection_lost")
    assert peers.accepts("hostb")
    peers.heard("hostb", hello(), refusal="", now_ns=0)
    peers.expire(SILENT_NS)
    assert peers.accepts("hostb")
    peers.refuse("hostb", "forked")
    assert not peers.accepts("hostb")


def test_a_silent_peer_is_not_ready_until_it_speaks() -> None:
    peers, told = peers_and_told()
    peers.link("hostb", up=True, reason="")
    peers.heard("hostb", hello(), refusal="", now_ns=0)
    assert peers.expire(SILENT_NS - 1) == []
    assert peers.expire(SILENT_NS) == ["hostb"]
    assert peers.ready() == []
    assert peers.expire(SILENT_NS) == []
    peers.heard("hostb", hello(), refusal="", now_ns=SILENT_NS)
    assert peers.ready() == ["hostb"]
    assert told[2:] == [("disconnected", "silent"), ("handshaked", "")]


def test_a_stranger_is_nobody() -> None:
    peers, _ = peers_and_told()
    assert peers.get("hostx") is None
    assert not peers.accepts("hostx")
