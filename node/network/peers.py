"""Where each link stands: connected, handshaked, refused; no socket and no clock in here.

A peer is ready when our connection to it stands and it has said a hello that fits our chain.
Whether it fits is the caller's to judge, at every hello: a refused peer that mends itself is back.
What it sends comes on a connection of its own, so it counts whether ours stands or not.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from node.events import Peer
from node.network.wire import Hello

SILENT_NS = 5_000_000_000
REFUSED_RETRY_NS = 10_000_000_000

State = Literal["disconnected", "connected", "handshaked", "refused"]


@dataclass(slots=True)
class PeerState:
    """What is known of one peer; hello is the last one heard, fitting or not, None after silence.

    fits: whether the last hello of all fitted; a peer says one first on each of its connections.
    """

    host: str
    state: State = "disconnected"
    reason: str = ""
    up: bool = False
    hello: Hello | None = None
    fits: bool = False
    heard_ns: int = 0
    told_ns: int | None = None


class Peers:
    """The peers of the configuration and their states; every change is told as a Peer event."""

    def __init__(self, hosts: Iterable[str], emit: Callable[[Peer], None]) -> None:
        self._peers = {host: PeerState(host) for host in hosts}
        self._emit = emit

    def __iter__(self) -> Iterator[PeerState]:
        return iter(self._peers.values())

    def get(self, host: str) -> PeerState | None:
        """Return the state of host, None for a stranger."""
        return self._peers.get(host)

    def ready(self) -> list[str]:
        """Return the peers to send to."""
        return [p.host for p in self._peers.values() if p.up and p.state == "handshaked"]

    def accepts(self, host: str) -> bool:
        """Return whether what host sends counts: it said hello, and it fitted."""
        peer = self._peers.get(host)
        return peer is not None and peer.fits and peer.state != "refused"

    def link(self, host: str, *, up: bool, reason: str) -> None:
        """Note that our connection to host stands, or no longer, or was refused there."""
        peer = self._peers[host]
        if reason == "not_allowed_there":
            self._change(peer, "refused", reason)
            return
        peer.up = up
        if not up:
            peer.hello = None
        self._change(peer, "connected" if up else "disconnected", reason)

    def heard(self, host: str, hello: Hello, *, refusal: str, now_ns: int) -> bool:
        """Return whether the peer began a new session; refusal says why its hello does not fit."""
        peer = self._peers[host]
        fresh = peer.hello is None or peer.hello.session != hello.session
        peer.hello, peer.heard_ns, peer.fits = hello, now_ns, not refusal
        if refusal:
            self._change(peer, "refused", refusal)
        elif peer.up:
            self._change(peer, "handshaked", "")
        elif peer.state == "refused":
            self._change(peer, "disconnected", "")
        return fresh

    def refuse(self, host: str, reason: str) -> None:
        """Take nothing from host until a hello of it fits again."""
        self._peers[host].fits = False
        self._change(self._peers[host], "refused", reason)

    def expire(self, now_ns: int) -> list[str]:
        """Return the peers that have been silent for too long; they are not ready any more."""
        silent = []
        for peer in self._peers.values():
            if peer.hello is not None and now_ns - peer.heard_ns >= SILENT_NS:
                peer.hello = None
                silent.append(peer.host)
                if peer.state == "handshaked":
                    self._change(peer, "disconnected", "silent")
        return silent

    def to_greet(self, now_ns: int) -> list[str]:
        """Return whom to say hello to in this second: everybody linked, the refused more rarely."""
        due = []
        for peer in self._peers.values():
            told_ns = peer.told_ns
            recent = told_ns is not None and now_ns - told_ns < REFUSED_RETRY_NS
            if peer.up and not (peer.state == "refused" and recent):
                peer.told_ns = now_ns
                due.append(peer.host)
        return due

    def _change(self, peer: PeerState, state: State, reason: str) -> None:
        if (peer.state, peer.reason) == (state, reason):
            return
        peer.state, peer.reason = state, reason
        hello = peer.hello
        self._emit(
            Peer(
                peer=peer.host, state=state, reason=reason,
                head_num=0 if hello is None else hello.head_num,
                lib_num=0 if hello is None else hello.lib_num,
            )
        )  # fmt: skip
