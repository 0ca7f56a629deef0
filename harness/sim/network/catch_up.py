"""Catching up after a split, a crash or a loss: status rounds, questions, answers in chunks.

Whom to ask and when, and what to offer, decide the node's own `node.network.sync_rules` and
`gossip`. Once a second every node learns where its peers are and whom they reach, as hellos tell
it; a peer not heard for three seconds counts as disconnected, and one whose link answers with a
reset as soon as it is to be told.
"""

from collections.abc import Sequence, Set
from typing import Literal

from harness.sim.host.host import Host
from harness.sim.network.net import Net
from node.chain.model.block import SignedBlock
from node.events import Peer
from node.network.gossip import heard
from node.network.sync_rules import MAX_LOCATOR, TIMEOUT_NS, Sync, Tip, following, locator

State = Literal["handshaked", "syncing", "synced"]
ROUND_NS = 1_000_000_000
SILENT_ROUNDS = 3


class CatchUp:
    """Mutable: each host's view of its peers and the question under way.

    apart: who was silent for whom when all were last told whom each reaches.
    """

    def __init__(self, net: Net) -> None:
        self._net = net
        net.on_gap = self.nudge
        self._syncs: dict[str, Sync] = {}
        self._unheard: dict[tuple[str, str], int] = {}
        self._apart: set[tuple[str, str]] = set()
        self._reaches: dict[str, Set[str]] = {n: set(peers) for n, peers in net.neighbours.items()}
        self._waiting: set[str] = set()

    def forget(self, name: str) -> None:
        """Forget what a host that went down knew of others."""
        self._syncs.pop(name, None)
        self._waiting.discard(name)
        for pair in [pair for pair in self._unheard if pair[0] == name]:
            del self._unheard[pair]

    def greet(self, host: Host) -> None:
        """Tell of the links of a host that started, with nothing waiting there."""
        for peer in self._net.neighbours[host.name]:
            other = self._net.hosts[peer]
            other.gossip.forget(host.name)
            if self._hears(host.name, peer):
                host.emit(_peer(peer, "handshaked", other))
                if self._hears(peer, host.name):
                    self._heard(other, host.name)
            else:
                self._unheard[host.name, peer] = SILENT_ROUNDS

    def round(self) -> None:
        """Let every node hear where its peers are; once a second."""
        self._net.engine.at(self._net.engine.now_ns + ROUND_NS, self.round)
        up = {
            name: self._shown_tip(host)
            for name, host in self._net.hosts.items()
            if host.chain is not None and not host.paused
        }
        for name in up:
            self._net.hosts[name].store.commit()
        calm = len(up) == len(self._net.hosts) and not self._net.links.shaped
        calm = calm and not self._apart and not self._unheard and not self._net.in_debt
        if calm and len({tip.head_id for tip in up.values()}) == 1:
            self._rest()
            return
        self._look_who_reaches_whom()
        for name in up:
            host, sync = self._net.hosts[name], self._sync(name)
            for peer in self._net.neighbours[name]:
                if peer in up and not self._net.links.is_cut(peer, name):
                    self._hello(host, sync, peer, up[peer])
                else:
                    self._silent(host, peer)
            self._net.look(host)
            self.poll(host)

    def _rest(self) -> None:
        """Forget what peers have: all have the same. What is under way is let end."""
        for name, sync in list(self._syncs.items()):
            if sync.told:
                self.poll(self._net.hosts[name])
            if not sync.told:
                del self._syncs[name]

    def nudge(self, host: Host, peer: str) -> None:
        """Ask soon: a block of peer links to nothing that host has."""
        sync, chain = self._sync(host.name), self._net.hosts[peer].chain
        assert host.chain is not None
        if chain is not None:
            tip, now_ns = Tip.of(chain), self._net.engine.now_ns
            sync.saw(peer, tip, known=host.chain.has_block(tip.head_id), now_ns=now_ns)
        sync.nudge(peer)
        self.poll(host)

    def poll(self, host: Host) -> None:
        """Ask somebody, if it is time to."""
        chain = host.chain
        if chain is None or host.paused:
            return
        now_ns, free_ns = self._net.engine.now_ns, host.at_work_until_ns()
        if free_ns is not None:
            if host.name not in self._waiting:
                self._waiting.add(host.name)
                self._net.engine.at(free_ns, self._poll_free, host, host.life)
            return
        sync = self._sync(host.name)
        ask, news = sync.poll(Tip.of(chain), chain.has_block, now_ns), sync.news()
        if news is not None:
            host.emit(_peer(*news, self._net.hosts[news[0]]))
        if ask is None:
            return
        ids = locator(chain.branch_ids(chain.lib.num), MAX_LOCATOR)
        self._net.post(host.name, ask.peer, self._serve, ask.peer, host.name, ask.request, ids)
        self._net.engine.at(now_ns + TIMEOUT_NS, self._poll_later, host, host.life)

    def _poll_later(self, host: Host, life: int) -> None:
        if host.life == life:
            self.poll(host)

    def _poll_free(self, host: Host, life: int) -> None:
        self._waiting.discard(host.name)
        self._poll_later(host, life)

    def _serve(self, name: str, peer: str, request: int, ids: Sequence[bytes]) -> None:
        """Answer peer with what follows its newest block that is on name's chain."""
        host = self._net.hosts[name]
        chain = host.chain
        assert chain is not None
        after, blocks = following(chain, ids, host.store, host.store.block) or (chain.head.num, [])
        hidden = [host.hides is not None and host.hides(block.id) for block in blocks]
        if any(hidden):
            del blocks[hidden.index(True) :]
        more = not any(hidden) and after + len(blocks) < chain.head.num
        self._net.post(name, peer, self._take, peer, name, request, blocks, more)

    def _take(
        self, name: str, peer: str, request: int, blocks: list[SignedBlock], more: object
    ) -> None:
        host, sync = self._net.hosts[name], self._sync(name)
        if not sync.answered(peer, request):
            return
        assert host.chain is not None
        host.feeding, fresh, cut = True, 0, False
        for block in blocks:
            if host.at_work_until_ns() is not None:
                cut = True
                break
            was_known = host.chain.has_block(block.id)
            self._net.take(name, block, peer)
            fresh += not was_known and host.chain.has_block(block.id)
        host.feeding = False
        sync.applied(blocks=fresh, more=bool(more), now_ns=self._net.engine.now_ns, cut=cut)
        self.poll(host)

    # ------------------------------------------------------------ who is where

    def _hello(self, host: Host, sync: Sync, peer: str, tip: Tip) -> None:
        assert host.chain is not None
        self._heard(host, peer)
        host.gossip.linked(peer, self._reaches[peer])
        if heard(peer, tip, host.chain, host.gossip, sync, self._net.engine.now_ns):
            self._net.offer(host, peer)

    def _shown_tip(self, host: Host) -> Tip:
        """Return how far a host says it is: a liar does not tell of what it withholds."""
        assert host.chain is not None
        tip = Tip.of(host.chain)
        if host.hides is None:
            return tip
        head_id, head_num = tip.head_id, tip.head_num
        while head_num > tip.lib_num and host.hides(head_id):
            block = host.store.block(head_id)
            if block is None:
                break
            head_id, head_num = block.previous, head_num - 1
        return Tip(head_num=head_num, head_id=head_id, lib_num=min(tip.lib_num, head_num))

    def _hears(self, name: str, peer: str) -> bool:
        other = self._net.hosts[peer]
        up = other.chain is not None and not other.paused
        return up and not self._net.links.is_cut(peer, name)

    def _look_who_reaches_whom(self) -> None:
        """Note who is in touch with whom: both hear each other, as far as they know."""
        apart = {pair for pair, rounds in self._unheard.items() if rounds >= SILENT_ROUNDS}
        if apart != self._apart:
            self._apart = apart
            for name, peers in self._net.neighbours.items():
                self._reaches[name] = {
                    peer for peer in peers if not {(name, peer), (peer, name)} & apart
                }

    def _heard(self, host: Host, peer: str) -> None:
        if self._unheard.pop((host.name, peer), 0) >= SILENT_ROUNDS:
            host.emit(_peer(peer, "handshaked", self._net.hosts[peer]))

    def _silent(self, host: Host, peer: str) -> None:
        before = self._unheard.get((host.name, peer), 0)
        reset = self._net.links.resets(host.name, peer)
        rounds = max(before + 1, SILENT_ROUNDS) if reset else before + 1
        self._unheard[host.name, peer] = rounds
        if before < SILENT_ROUNDS <= rounds:
            self._sync(host.name).gone(peer)
            host.gossip.forget(peer)
            reason = "connection_lost" if reset else "silent"
            host.emit(Peer(peer=peer, state="disconnected", reason=reason))

    def _sync(self, name: str) -> Sync:
        found = self._syncs.get(name)
        if found is None:
            found = self._syncs[name] = Sync()
        return found


def _peer(name: str, state: State, other: Host) -> Peer:
    chain = other.chain
    return Peer(
        peer=name,
        state=state,
        head_num=0 if chain is None else chain.head.num,
        lib_num=0 if chain is None else chain.lib.num,
    )
