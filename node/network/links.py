"""ZeroMQ links to the peers: encrypted, authenticated by an allow-list of CURVE keys, bounded.

Each node binds one ROUTER, on which it only receives, and connects one DEALER a peer, on which it
only sends; so a link is two one-way roads and no reply can block a request. Who sent a frame is
what the key proved (the ZAP answer's user id), never what the frame says. Knows nothing of blocks.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import zmq
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from node.config import PeerConfig

UNACKNOWLEDGED_MS = 2500
"""A link whose bytes the other kernel does not acknowledge for so long is given up. Something is
sent each second (`Hello`), so TCP itself notices a cut, and no heartbeat wakes both ends."""
KEEPALIVE_S = (10, 5, 3)
"""After so long without a byte the receiving end asks, again after so long, at most so often."""
RECONNECT_MS = 50
CONNECT_TIMEOUT_MS = 450
"""A lost SYN is sent again after a second only: a new attempt comes sooner."""
HANDSHAKE_MS = 10_000
SEND_HWM = 1000
SEND_BYTES_MAX = 256 << 20
RECEIVE_HWM = 4000
RECEIVE_BYTES_MAX = 512 << 20
"""What waits on one link, to go or to be taken: so many frames, and so many bytes at most."""
HWM_MIN = 16
DRAIN_MAX = 256
DRAIN_S = 0.01
"""So much, in frames and in time, is taken before others have their turn."""
BEHIND_S = 0.1
"""Who has had frames to take for so long, and never taken all, is behind."""
REFUSALS_KEPT = 64
_ANY_ADDRESS = ("", "*", "0.0.0.0", "::")

_WATCHED = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_AUTH


class LinkError(Exception):
    """This node cannot listen where its configuration says; one line with the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """Whom the links tell. on_refused gets the address and the key in Z85 of a stranger."""

    on_frame: Callable[[str, bytes], None]
    on_link: Callable[[str, bool, str], None]
    on_refused: Callable[[str, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Where this node listens and the CURVE key pair (Z85) it proves to own."""

    listen: str
    port: int
    secret: bytes
    public: bytes
    frame_bytes_max: int


class Links:
    """The sockets of one node, driven by the loop's readers.

    Raises:
        LinkError: the port is taken or the address is not ours.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, context: zmq.Context[zmq.Socket[bytes]],
        identity: Identity, peers: Sequence[PeerConfig], tell: Callbacks,
    ) -> None:  # fmt: skip
        self._loop = loop
        self._context = context
        self._identity = identity
        self._tell = tell
        self._allowed = {z85.decode(peer.curve_public): peer.host for peer in peers}
        self._senders: dict[str, zmq.Socket[bytes]] = {}
        self._readers: list[zmq.Socket[bytes]] = []
        self._up: set[str] = set()
        self._dropped: dict[str, int] = {}
        self._sent_bytes = self._taken_bytes = 0
        self._refused: dict[bytes, None] = {}
        self._draining, self._emptied_s = False, loop.time()
        self._zap = self._read(self._authenticator(), self._drain_zap)
        self._router = self._read(self._listener(), self._drain_router)
        for peer in peers:
            self._senders[peer.host] = self._sender(peer)

    def send(self, peer: str, frame: bytes) -> bool:
        """Return whether the frame was queued; one that was not is counted."""
        if peer in self._up:
            with suppress(zmq.Again):
                self._senders[peer].send(frame, zmq.NOBLOCK)
                self._sent_bytes += len(frame)
                return True
            self._dropped[peer] = self._dropped.get(peer, 0) + 1
        return False

    @property
    def behind(self) -> bool:
        """Return whether frames have come faster than they were taken, for a while."""
        return self._draining and self._loop.time() - self._emptied_s > BEHIND_S

    def take_dropped(self) -> Mapping[str, int]:
        """Return how many frames to each peer found its queue full since the last call."""
        dropped, self._dropped = self._dropped, {}
        return dropped

    def take_traffic(self) -> tuple[int, int]:
        """Return how many bytes of frames were queued and were taken since the last call."""
        found = self._sent_bytes, self._taken_bytes
        self._sent_bytes = self._taken_bytes = 0
        return found

    def close(self) -> None:
        """Close every socket; what is queued is lost."""
        for socket in self._readers:
            self._loop.remove_reader(socket.fileno())
            socket.close(0)
        for socket in self._senders.values():
            socket.close(0)
        self._readers.clear()
        self._senders.clear()

    def _authenticator(self) -> zmq.Socket[bytes]:
        zap = self._context.socket(zmq.ROUTER)
        zap.bind("inproc://zeromq.zap.01")
        return zap

    def _listener(self) -> zmq.Socket[bytes]:
        identity = self._identity
        router = self._context.socket(zmq.ROUTER)
        _common(router)
        hwm = queue_frames(RECEIVE_HWM, RECEIVE_BYTES_MAX, identity.frame_bytes_max)
        router.setsockopt(zmq.RCVHWM, hwm)
        router.setsockopt(zmq.MAXMSGSIZE, identity.frame_bytes_max)
        router.curve_server = True
        router.curve_secretkey = identity.secret
        router.zap_domain = b"slotlab"
        router.setsockopt(zmq.IPV6, ":" in identity.listen)
        where = endpoint(identity.listen, identity.port)
        try:
            router.bind(f"tcp://{where}")
        except zmq.ZMQError as error:
            router.close(0)
            self.close()
            cause = zmq.strerror(error.errno or 0)
            raise LinkError(f"cannot listen on {where}: {cause}") from error
        return router

    def _sender(self, peer: PeerConfig) -> zmq.Socket[bytes]:
        dealer = self._context.socket(zmq.DEALER)
        _common(dealer)
        hwm = queue_frames(SEND_HWM, SEND_BYTES_MAX, self._identity.frame_bytes_max)
        dealer.setsockopt(zmq.SNDHWM, hwm)
        # Queue only for a connection that stands: after an outage nobody wants the old frames.
        dealer.setsockopt(zmq.IMMEDIATE, 1)
        dealer.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        dealer.setsockopt(zmq.CONNECT_TIMEOUT, CONNECT_TIMEOUT_MS)
        dealer.curve_serverkey = peer.curve_public.encode()
        dealer.curve_publickey = self._identity.public
        dealer.curve_secretkey = self._identity.secret
        monitor = dealer.get_monitor_socket(_WATCHED)
        self._read(monitor, lambda: self._drain_monitor(monitor, peer.host))
        dealer.setsockopt(zmq.IPV6, ":" in peer.address)
        # From our own data address, whatever others the card has: faults tell hosts by address.
        source = self._identity.listen
        origin = "" if source in _ANY_ADDRESS else f"{endpoint(source, 0)};"
        dealer.connect(f"tcp://{origin}{endpoint(peer.address, peer.node_port)}")
        return dealer

    def _read(self, socket: zmq.Socket[bytes], drain: Callable[[], None]) -> zmq.Socket[bytes]:
        """Have drain called when socket has something; its FD only signals changes."""
        self._readers.append(socket)
        self._loop.add_reader(socket.fileno(), drain)
        self._loop.call_soon(drain)
        return socket

    def _drain_router(self) -> None:
        """Take what is there, but let others have their turn."""
        until_s = self._loop.time() + DRAIN_S
        if not self._draining:
            self._draining, self._emptied_s = True, until_s - DRAIN_S
        for _ in range(DRAIN_MAX):
            if self._router.closed:
                return
            try:
                parts: list[Any] = self._router.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                self._draining = False
                return
            host = parts[-1].get("User-Id")
            frame = parts[1].bytes if len(parts) == 2 else b""
            self._taken_bytes += len(frame)
            self._tell.on_frame(str(host), frame)
            if self._loop.time() >= until_s:
                break
        self._loop.call_soon(self._drain_router)

    def _drain_monitor(self, monitor: zmq.Socket[bytes], host: str) -> None:
        while not monitor.closed:
            try:
                message = parse_monitor_message(monitor.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                return
            match message["event"]:
                case zmq.EVENT_HANDSHAKE_SUCCEEDED:
                    self._up.add(host)
                    self._tell.on_link(host, True, "")
                case zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                    self._tell.on_link(host, False, "not_allowed_there")
                case _ if host in self._up:
                    self._up.discard(host)
                    self._tell.on_link(host, False, "connection_lost")

    def _drain_zap(self) -> None:
        """Answer who may come in: version 1.0 of ZeroMQ's authentication protocol (rfc 27)."""
        while not self._zap.closed:
            try:
                parts = self._zap.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            split = parts.index(b"") + 1
            version, request, _, address, _, mechanism, *credentials = parts[split:]
            key = credentials[0] if mechanism == b"CURVE" and credentials else b""
            host = self._allowed.get(key)
            verdict = (b"400", b"unknown key", b"")
            if host is not None:
                verdict = (b"200", b"", host.encode())
            self._zap.send_multipart([*parts[:split], version, request, *verdict, b""])
            if host is None and key not in self._refused:
                if len(self._refused) >= REFUSALS_KEPT:
                    del self._refused[next(iter(self._refused))]
                self._refused[key] = None
                self._tell.on_refused(address.decode(errors="replace"), z85.encode(key).decode())


def queue_frames(frames_max: int, bytes_max: int, frame_bytes_max: int) -> int:
    """Return how many frames a queue holds that must not hold more than bytes_max of them.

    ZeroMQ counts frames only: all of them may be as long as frames get. HWM_MIN go at least.
    """
    return max(HWM_MIN, min(frames_max, bytes_max // frame_bytes_max))


def endpoint(address: str, port: int) -> str:
    """Return address:port, an IPv6 address in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def public_of(secret: bytes) -> bytes:
    """Return the public CURVE key of a secret one, both Z85.

    Raises:
        ValueError: not a Z85 key of 40 letters.
    """
    try:
        return zmq.curve_public(secret)
    except (zmq.ZMQError, ValueError, KeyError) as error:
        raise ValueError("not a CURVE secret key (40 letters of Z85)") from error


def _common(socket: zmq.Socket[bytes]) -> None:
    idle_s, interval_s, count = KEEPALIVE_S
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.TCP_MAXRT, UNACKNOWLEDGED_MS)
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
    socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, idle_s)
    socket.setsockopt(zmq.TCP_KEEPALIVE_INTVL, interval_s)
    socket.setsockopt(zmq.TCP_KEEPALIVE_CNT, count)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
