"""The network of one node: says hello, spreads blocks and transactions, takes what peers send.

It turns frames into calls of its owner (`Inbound`) and the chain's effects into frames. Where
frames travel is for `links`, whom to tell for `gossip`, where links stand for `peers`, catching up
for `catch_up`, what is told of the store for `answers`. It never changes the chain itself.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import zmq

from node.chain.chain import Chain
from node.chain.encoding.pack import DecodeError
from node.chain.genesis import Genesis
from node.chain.model.block import SignedBlock
from node.chain.model.codec import burst_bytes_max, decode_transaction
from node.chain.model.transaction import Transaction
from node.config import ConfigError, NodeConfig, PeerConfig, read_file
from node.events import Dropped, Peer, Rejected
from node.network import wire
from node.network.block_spread import BlockSpread, Outside
from node.network.broadcast import Broadcaster, PassesOn
from node.network.catch_up import CatchUp
from node.network.gossip import Gossip, heard
from node.network.links import Callbacks, Identity, Links, public_of
from node.network.peer_answers import Answers
from node.network.peers import Peers
from node.network.sync_rules import Tip
from node.storage.event_log import Pair
from node.storage.store import Store

BAD_FRAMES_TOLD_MAX = 20
FRAME_SLACK_BYTES = 64 * 1024
"""What a frame may be longer than the blocks or transactions in it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """Whom the network tells. take_block gets when a body's frame was taken from its link, None for
    a body that had been seen before.

    take_transactions gets bytes, and asks `first_seen` what is in those it has time for. hides:
    whether this node denies a block; passes_on: which of the transactions that a peer is owed it
    is sent. Only liars leave these as they are not here.
    """

    take_block: Callable[[SignedBlock, bytes, str, Pair | None], None]
    take_transactions: Callable[[Sequence[bytes], str], None]
    emit: Callable[[Peer | Rejected | Dropped], None]
    mono_ns: Callable[[], int]
    wall_ns: Callable[[], int]
    pair: Callable[[], Pair]
    hides: Callable[[bytes], bool] = lambda _: False
    passes_on: PassesOn = lambda owed: owed


class Net:
    """Links, peers, gossip and catch-up of one node, on its loop.

    Raises:
        LinkError: the port cannot be listened on.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, context: zmq.Context[zmq.Socket[bytes]], *,
        host: str, identity: Identity, peers: list[PeerConfig], chain: Chain, store: Store,
        inbound: Inbound,
    ) -> None:  # fmt: skip
        self._loop = loop
        self._chain = chain
        self._inbound = inbound
        self._session = os.urandom(8)
        self._gossip = Gossip(host)
        self._peers = Peers((peer.host for peer in peers), inbound.emit)
        self._bad_frames: dict[str, int] = {}
        self._taken: Pair | None = None
        bytes_max = identity.frame_bytes_max - FRAME_SLACK_BYTES
        self._answers = Answers(chain, store, bytes_max=bytes_max, hides=inbound.hides)
        self._broadcaster = Broadcaster(
            loop, chain, send=lambda peer, frame: self._links.send(peer, frame),
            ready=self._peers.ready, wall_ns=inbound.wall_ns, passes_on=inbound.passes_on,
            gossip=self._gossip, burst_bytes_max=bytes_max,
        )  # fmt: skip
        self._blocks = BlockSpread(
            loop, chain, self._gossip, self._answers,
            Outside(
                send=lambda peer, frame: self._links.send(peer, frame), ready=self._peers.ready,
                take_block=self._take_block, flush=self._broadcaster.flush,
                mono_ns=inbound.mono_ns, wall_ns=inbound.wall_ns,
            ),
            bytes_max=bytes_max,
        )  # fmt: skip
        self._catch_up = CatchUp(
            loop, chain, send=self._send, take_block=self._take_block,
            emit=inbound.emit, mono_ns=inbound.mono_ns, wall_ns=inbound.wall_ns,
        )  # fmt: skip
        tell = Callbacks(
            on_frame=self._on_frame, on_link=self._on_link, on_refused=self._on_refused
        )
        self._links = Links(loop, context, identity, peers, tell)

    # ------------------------------------------------------------ for the owner

    @property
    def ready(self) -> list[str]:
        """Return the peers that are linked both ways and on our chain."""
        return self._peers.ready()

    @property
    def behind(self) -> bool:
        """Return whether peers may have sent more than was taken yet."""
        return self._links.behind

    def peer_rows(self) -> list[Mapping[str, str | int]]:
        """Return one row a peer for queries."""
        return [
            {
                "host": peer.host, "state": peer.state, "reason": peer.reason,
                "head_num": peer.hello.head_num if peer.hello else 0,
                "lib_num": peer.hello.lib_num if peer.hello else 0,
            }
            for peer in self._peers
        ]  # fmt: skip

    def broadcast(self, block: SignedBlock, raw: bytes, source: str | None) -> None:
        """Push a block of ours to all peers that lack it; of others' blocks announce the id."""
        if source is None:
            self._blocks.push(block, raw)
        elif not self._catch_up.feeding:
            self._blocks.announce(block)

    def send_to(self, block: SignedBlock, hosts: Collection[str]) -> None:
        """Send a block to these hosts only, whatever they have; to this one: its chain takes it."""
        raw = self._chain.codec.encode(block)
        frame = wire.encode(wire.BlockBody(raw))
        for peer in self._peers.ready():
            if peer in hosts:
                self._links.send(peer, frame)
        if self._gossip.host in hosts:
            self._loop.call_soon(self._take_block, self._gossip.host, block, raw)

    def relay(self, transactions: Sequence[Transaction], source: str | None) -> None:
        """Push each transaction to the peers that lack it and that source is not linked to."""
        self._broadcaster.relay(transactions, source)

    def first_seen(self, peer: str, raws: Sequence[bytes]) -> list[Transaction]:
        """Return the transactions of raws, from peer, that come for the first time.

        Raises:
            DecodeError: one of them is none.
        """
        form = self._chain.codec.transactions
        return self._gossip.first_seen(peer, [decode_transaction(raw, form) for raw in raws])

    def flush(self) -> None:
        """Send the transactions that are gathered for peers."""
        self._broadcaster.flush()

    def request_sync(self, peer: str) -> None:
        """Ask peer for what is missing below the block it sent."""
        self._catch_up.sync.nudge(peer)
        self._catch_up.poll()

    def each_second(self) -> None:
        """Say hello, notice silence, tell what was dropped."""
        now_ns = self._inbound.mono_ns()
        for peer in self._peers.expire(now_ns):
            self._forget(peer)
        frame = wire.encode(self._hello())
        for peer in self._peers.to_greet(now_ns):
            self._links.send(peer, frame)
        for peer, count in self._links.take_dropped().items():
            self._inbound.emit(Dropped(queue=f"link:{peer}", n=count))
        for peer, count in self._bad_frames.items():
            if count > BAD_FRAMES_TOLD_MAX:
                untold = count - BAD_FRAMES_TOLD_MAX
                self._inbound.emit(Dropped(queue=f"bad_frames:{peer}", n=untold))
        self._bad_frames.clear()

    def take_traffic(self) -> tuple[int, int]:
        """Return how many bytes of frames went to peers and came from them since the last call."""
        return self._links.take_traffic()

    def poll(self) -> None:
        """Look whether catching up needs a request; call it several times a second."""
        self._catch_up.poll()

    def close(self) -> None:
        """Close all links."""
        self._catch_up.stop()
        self._blocks.close()
        self._broadcaster.close()
        self._links.close()

    # ------------------------------------------------------------ links

    def _on_link(self, peer: str, up: bool, reason: str) -> None:
        self._forget(peer)
        self._peers.link(peer, up=up, reason=reason)
        if not up:
            return
        self._send(peer, self._hello())
        state = self._peers.get(peer)
        if state is not None and state.hello is not None:
            self._on_hello(peer, state.hello)

    def _on_refused(self, address: str, key: str) -> None:
        log.warning("refused %s: its key %s is not on the list", address, key)
        self._inbound.emit(Peer(peer=address, state="refused", reason="unknown_key"))

    def _forget(self, peer: str) -> None:
        """Start anew with peer: what was in flight to or from it may be lost."""
        self._broadcaster.forget(peer)
        self._blocks.forget(peer)
        self._catch_up.sync.gone(peer)

    def _send(self, peer: str, message: wire.Message) -> bool:
        return self._links.send(peer, wire.encode(message))

    # ------------------------------------------------------------ frames

    def _on_frame(self, peer: str, frame: bytes) -> None:
        if self._peers.get(peer) is None:
            return
        taken = self._inbound.pair()
        try:
            message = wire.decode(frame)
            # Of many blocks in a frame, each comes behind what was told of the one before.
            self._taken = None if isinstance(message, wire.SyncBlocks) else taken
            if isinstance(message, wire.Hello):
                self._on_hello(peer, message)
            elif self._peers.accepts(peer):
                self._on_message(peer, message)
        except wire.FrameError as error:
            self._bad_frame(peer, error.reason)
        except DecodeError:
            self._bad_frame(peer, "bad_content")
        finally:
            self._taken = None

    def _on_message(self, peer: str, message: wire.Message) -> None:
        match message:
            case wire.BlockBody(raw=raw):
                self._take_block(peer, self._chain.codec.decode(raw, self._chain.mempool.get), raw)
            case wire.TxBodies(raws=raws):
                self._inbound.take_transactions(raws, peer)
            case wire.Have(id=block_id):
                self._blocks.on_have(peer, block_id)
            case wire.Want():
                self._blocks.on_want(peer, message)
            case wire.BlockBrief():
                self._blocks.on_brief(peer, message)
            case wire.WantParts():
                self._blocks.on_want_parts(peer, message)
            case wire.BlockParts():
                self._blocks.on_parts(peer, message)
            case wire.SyncRequest():
                self._send(peer, self._answers.following(message))
            case wire.SyncBlocks():
                self._on_sync_blocks(peer, message)

    def _bad_frame(self, peer: str, reason: str) -> None:
        count = self._bad_frames.get(peer, 0) + 1
        self._bad_frames[peer] = count
        if count <= BAD_FRAMES_TOLD_MAX:
            self._inbound.emit(Rejected(what="frame", reason=reason, from_=peer))

    def _take_block(self, peer: str, block: SignedBlock, raw: bytes) -> bool:
        """Hand on a block that the chain lacks; return whether the chain has it now only."""
        self._blocks.came(peer, block.id)
        if self._chain.has_block(block.id):
            return False
        is_new = self._gossip.seen_blocks.add(block.id)
        taken = (self._taken or self._inbound.pair()) if is_new else None
        self._inbound.take_block(block, raw, peer, taken)
        return self._chain.has_block(block.id)

    def _on_sync_blocks(self, peer: str, answer: wire.SyncBlocks) -> None:
        state = self._peers.get(peer)
        hello = None if state is None else state.hello
        if answer.forked and hello is not None and hello.lib_num >= self._chain.lib.num:
            self._peers.refuse(peer, "forked")
            self._forget(peer)
        self._catch_up.take(peer, answer)

    # ------------------------------------------------------------ hello

    def _hello(self) -> wire.Hello:
        lib, (head_num, head_id) = self._chain.lib, self._answers.shown_head()
        return wire.Hello(
            chain_id=self._chain.chain_id, session=self._session,
            head_num=head_num, head_id=head_id, head_slot=self._chain.head.slot,
            lib_num=lib.num, lib_id=lib.id, linked=self._peers.ready(),
        )  # fmt: skip

    def _on_hello(self, peer: str, hello: wire.Hello) -> None:
        now_ns = self._inbound.mono_ns()
        refusal = self._refusal(hello)
        fresh = self._peers.heard(peer, hello, refusal=refusal, now_ns=now_ns)
        if refusal:
            self._forget(peer)
            return
        if fresh:
            self._forget(peer)
            self._send(peer, self._hello())
        self._gossip.linked(peer, {host for host in hello.linked if self._peers.get(host)})
        tip = Tip(head_num=hello.head_num, head_id=hello.head_id, lib_num=hello.lib_num)
        owed = heard(peer, tip, self._chain, self._gossip, self._catch_up.sync, now_ns)
        self._blocks.look()
        self._catch_up.poll()
        if owed:
            self._broadcaster.offer(peer)

    def _refusal(self, hello: wire.Hello) -> str:
        """Return why a hello does not fit our chain, "" when it does."""
        if hello.chain_id != self._chain.chain_id:
            return "wrong_chain"
        return "forked" if self._answers.disagrees(hello.lib_num, hello.lib_id) else ""


def load_identity(config: NodeConfig, genesis: Genesis) -> Identity:
    """Return where this node listens and its CURVE keys.

    Raises:
        ConfigError: the secret key file is unreadable or malformed.
    """
    path = Path(config.curve_secret_file)
    secret = read_file(path, "curve_secret_file").strip()
    try:
        public = public_of(secret)
        for peer in config.peers:
            if len(peer.curve_public.encode()) != 40:
                raise ConfigError(f"peers: curve_public of {peer.host}: 40 letters of Z85 needed")
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error
    return Identity(
        listen=config.listen, port=config.node_port, secret=secret, public=public,
        frame_bytes_max=burst_bytes_max(genesis.max_block_bytes) + FRAME_SLACK_BYTES,
    )  # fmt: skip
