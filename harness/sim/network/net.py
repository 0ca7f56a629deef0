"""The network between simulated nodes: what a node's own `node.network.gossip` wants sent, arrives.

With relay `push`, meant for sparse graphs, everyone pushes blocks on first receipt. Here
everybody's blocks are known: what could change nothing is not simulated, to who has the block or
the transaction, or will have the block before it would ask. Nor that a node names transactions to
a peer that knows them (`Gossip.can_name`): a message takes as long here whatever its length. What a
link lost was not sent: it is owed, as TCP or the node's offer after a reconnect brings it.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from harness.sim.host.engine import Action, Engine
from harness.sim.host.host import Host
from harness.sim.network.link import Links
from node.chain.model.block import SignedBlock
from node.chain.model.codec import burst_bytes_max
from node.chain.model.transaction import Transaction
from node.network.gossip import FEW_HOLDERS, NO_HOLDER, WAIT_MIN_NS, SendTransactions, wait_ns

RelayMode = Literal["announce", "push"]
SPREADS_MAX = 1_024
NEVER_NS = 1 << 63
MESSAGE_BYTES, HEADER_BYTES = 100, 200
"""What carries a message (IP, TCP, ZeroMQ, CURVE); what of a block is no transaction."""


def length(parts: Iterable[object]) -> int:
    """Return about how many bytes a message of these parts takes on the wire."""
    total = MESSAGE_BYTES
    for part in parts:
        match part:
            case SignedBlock():
                total += HEADER_BYTES + sum(each.size_bytes for each in part.transactions)
            case Transaction():
                total += part.size_bytes
            case bytes():
                total += len(part)
            case list() | tuple():
                total += length(part) - MESSAGE_BYTES
    return total


class Net:
    """Mutable: links, who is about to have which block, when a host looks what to ask for.

    on_gap hears that a block of a peer links to nothing that a host has.
    """

    def __init__(
        self, engine: Engine, links: Links, neighbours: Mapping[str, tuple[str, ...]],
        relay: RelayMode,
    ) -> None:  # fmt: skip
        self.engine = engine
        self.links = links
        self.hosts: dict[str, Host] = {}
        self.neighbours = neighbours
        self._mode = relay
        self.on_gap: Callable[[Host, str], None] = lambda host, peer: None
        self._spreads: OrderedDict[bytes, dict[str, int]] = OrderedDict()
        self._looks: dict[str, int] = {}
        self._senders = {name: self._sender(name) for name in neighbours}

    def join(self, host: Host) -> None:
        """Put a host on the net."""
        self.hosts[host.name] = host
        host.outside = self

    def crashed(self, host: Host) -> None:
        """Forget what host had or was about to have."""
        for arrivals in self._spreads.values():
            arrivals.pop(host.name, None)
        self._looks.pop(host.name, None)

    def post(self, source: str, target: str, action: Action, *args: object) -> int | None:
        """Let action(*args) happen at target when a message sent now arrives; return when."""
        engine, host = self.engine, self.hosts[target]
        links = self.links
        size_bytes = length(args) if links.limited else 0
        arrivals = links.arrivals(source, target, engine.now_ns, size_bytes)
        for at_ns in arrivals:
            engine.at(at_ns, self._deliver, host, host.life, action, args)
        return arrivals[0] if arrivals else None

    def _deliver(self, host: Host, life: int, action: Action, args: tuple[object, ...]) -> None:
        if host.life != life or host.chain is None:
            return
        if host.paused:
            host.inbox.append((action, args))
        else:
            action(*args)

    # ------------------------------------------------------------ blocks

    def broadcast(self, host: Host, block: SignedBlock, source: str | None) -> None:
        """Push a block of host's own to its peers; of others' blocks announce the id."""
        arrivals = self._arrivals(block.id)
        now_ns = self.engine.now_ns
        arrivals[host.name] = min(now_ns, arrivals.get(host.name, now_ns))
        if source is None:
            host.gossip.seen_blocks.add(block.id)
            self._push(host, block, arrivals)
        elif self._mode == "push":
            self._push(host, block, arrivals)
        elif not host.feeding:
            self._announce(host, block, NO_HOLDER)

    def _push(self, host: Host, block: SignedBlock, arrivals: dict[str, int]) -> None:
        soonest_ns, near = self.engine.now_ns + self.links.soonest_ns, self.neighbours[host.name]
        later = [peer for peer in near if arrivals.get(peer, NEVER_NS) > soonest_ns]
        if not later:
            return

        def send(peer: str) -> bool:
            at_ns = self.post(host.name, peer, self.take, peer, block, host.name)
            if at_ns is not None and at_ns < arrivals.get(peer, NEVER_NS):
                arrivals[peer] = at_ns
            return at_ns is not None

        host.gossip.push_block(block.id, later, send)

    def _announce(self, host: Host, block: SignedBlock, unless: int) -> None:
        """Announce a block of another's, at once to whom no holder reaches, later to few more."""
        arrivals, now_ns = self._arrivals(block.id), self.engine.now_ns
        last_ns = max(arrivals.values()) if len(arrivals) == len(self.hosts) else NEVER_NS
        soon_ns = now_ns + WAIT_MIN_NS
        if last_ns > soon_ns:

            def send(peer: str) -> bool:
                return self.post(host.name, peer, self._on_have, peer, host, block.id) is not None

            near = self.neighbours[host.name]
            later = [peer for peer in near if arrivals.get(peer, NEVER_NS) > soon_ns]
            host.gossip.announce_block(block.id, later, send, unless=unless)
        if unless == NO_HOLDER and last_ns > soon_ns + WAIT_MIN_NS:
            again_ns = now_ns + wait_ns(host.name, block.id)
            about = (host, block, FEW_HOLDERS)
            self.engine.at(again_ns, self._deliver, host, host.life, self._announce, about)

    def send(self, source: str, target: str, block: SignedBlock) -> None:
        """Send one block to one host."""
        self.post(source, target, self.take, target, block, source)

    def take(self, name: str, block: SignedBlock, peer: str) -> None:
        """Let a host have a block that came from peer, if its chain lacks it."""
        host = self.hosts[name]
        host.gossip.came(peer, block.id)
        assert host.chain is not None
        if not host.chain.has_block(block.id):
            host.take_block(block, peer)

    def _on_have(self, name: str, peer: Host, block_id: bytes) -> None:
        host = self.hosts[name]
        host.gossip.has_block(peer.name, block_id)
        assert host.chain is not None
        if not host.chain.has_block(block_id):
            host.gossip.announced(peer.name, block_id, self.engine.now_ns)
            self.look(host)

    def look(self, host: Host) -> None:
        """Have a host ask for announced blocks that did not come, as soon as they are due."""
        due_ns = host.gossip.next_due_ns()
        if due_ns is not None and due_ns < self._looks.get(host.name, due_ns + 1):
            self._look_at(host, due_ns)

    def _look_at(self, host: Host, at_ns: int) -> None:
        self._looks[host.name] = at_ns
        self.engine.at(at_ns, self._deliver, host, host.life, self._ask, (host, at_ns))

    def _ask(self, host: Host, at_ns: int) -> None:
        if self._looks.get(host.name) != at_ns:
            return
        free_ns = host.at_work_until_ns()
        if free_ns is not None:
            self._look_at(host, free_ns)
            return
        del self._looks[host.name]
        for peer, ids in host.gossip.due(self.engine.now_ns).items():
            self.post(host.name, peer, self._on_want, peer, host.name, ids)
        self.look(host)

    def _on_want(self, name: str, peer: str, ids: Sequence[bytes]) -> None:
        host = self.hosts[name]
        for block_id in ids:
            block, hides = host.store.block(block_id), host.hides
            if block is None or (hides and hides(block_id)):
                continue
            if self.post(name, peer, self.take, peer, block, name) is not None:
                host.gossip.has_block(peer, block_id)

    def _arrivals(self, block_id: bytes) -> dict[str, int]:
        found = self._spreads.get(block_id)
        if found is None:
            found = self._spreads[block_id] = {}
            if len(self._spreads) > SPREADS_MAX:
                self._spreads.popitem(last=False)
        return found

    # ------------------------------------------------------------ transactions, catching up

    def relay(self, host: Host, transactions: Sequence[Transaction], source: str | None) -> None:
        """Push each transaction to the peers that lack it and that its source does not reach."""
        name = host.name
        host.gossip.relay(transactions, self.neighbours[name], source, self._senders[name])

    @property
    def in_debt(self) -> bool:
        """Return whether any host is owed what waits at another."""
        return any(h.gossip.owed.intersection(self.neighbours[n]) for n, h in self.hosts.items())

    def offer(self, host: Host, peer: str) -> None:
        """Send to peer what waits at host and is owed it."""
        if self.links.is_cut(host.name, peer):
            return
        assert host.chain is not None
        offered = host.gossip.offer(
            peer, host.chain.mempool,
            now_ns=host.clock.wall_ns(self.engine.now_ns),
            bytes_max=burst_bytes_max(host.shared.genesis.max_block_bytes),
        )  # fmt: skip
        for transaction in host.passes_on(offered):
            host.gossip.push((transaction,), peer, self._senders[host.name])

    def _sender(self, name: str) -> SendTransactions:
        """What sends transactions of a host: each in a message of its own."""

        def send(peer: str, transactions: Sequence[Transaction]) -> int:
            seen = self.hosts[peer].gossip.seen_transactions
            for count, each in enumerate(transactions):
                if each.id not in seen and (
                    self.post(name, peer, self._on_transaction, peer, each, name) is None
                ):
                    return count
            return len(transactions)

        return send

    def _on_transaction(self, name: str, transaction: Transaction, peer: str) -> None:
        host = self.hosts[name]
        for first in host.gossip.first_seen(peer, (transaction,)):
            host.take_transaction(first, peer)

    def request_sync(self, host: Host, peer: str) -> None:
        """Ask peer for what is missing below the block it sent."""
        self.on_gap(host, peer)
