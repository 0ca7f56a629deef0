"""The network between simulated nodes: who is sent which block, transaction or question, and when.

It spreads as the node's own network does: the producer pushes a block to its direct peers, others
announce it, and who still lacks it asks; how long it waits and what is offered are the rules of
`node.network.gossip`. With relay `push`, meant for sparse graphs, everyone pushes on first receipt.
Here everybody's blocks are known: announcements that could change nothing are not simulated, to who
has the block or will have it before it would ask. Nor are transactions sent to who has them. What a
link lost is owed, as TCP or the node's offer after a reconnect brings it.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Literal

from harness.sim.host.engine import Action, Engine
from harness.sim.host.host import Host
from harness.sim.network.link import Links
from node.chain.model.block import SignedBlock
from node.chain.model.transaction import Transaction
from node.network.gossip import RETRY_NS, WAIT_MIN_NS, burst_bytes_max, offer, wait_ns
from node.network.sync_rules import Tip

RelayMode = Literal["announce", "push"]
SPREADS_MAX = 1_024


class Net:
    """Mutable: links, who is about to have which block, who asked whom.

    in_touch: whether two hosts hear each other, as far as they know; on_gap hears that a block of a
    peer links to nothing that a host has. Both are the business of catching up.
    """

    def __init__(
        self, engine: Engine, links: Links, neighbours: Mapping[str, tuple[str, ...]],
        relay: RelayMode,
    ) -> None:  # fmt: skip
        self.engine = engine
        self.links = links
        self.hosts: dict[str, Host] = {}
        self.neighbours = neighbours
        self._near = {name: frozenset((name, *peers)) for name, peers in neighbours.items()}
        self._mode = relay
        self.in_touch: Callable[[str, str], bool] = lambda name, peer: True
        self.on_gap: Callable[[Host, str], None] = lambda host, peer: None
        self._spreads: OrderedDict[bytes, dict[str, int]] = OrderedDict()
        self._wanted: dict[tuple[str, bytes], list[str]] = {}
        self._owed: set[tuple[str, str]] = set()

    def join(self, host: Host) -> None:
        """Put a host on the net."""
        self.hosts[host.name] = host
        host.outside = self

    def crashed(self, host: Host) -> None:
        """Forget what host had or was about to have."""
        for arrivals in self._spreads.values():
            arrivals.pop(host.name, None)
        for key in [key for key in self._wanted if key[0] == host.name]:
            del self._wanted[key]
        self._owed = {pair for pair in self._owed if host.name not in pair}

    def post(self, source: str, target: str, action: Action, *args: object) -> int | None:
        """Let action(*args) happen at target when a message sent now arrives; return when."""
        arrivals = self.links.arrivals(source, target, self.engine.now_ns)
        host = self.hosts[target]
        for at_ns in arrivals:
            self.engine.at(at_ns, self._deliver, host, host.life, action, args)
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
        if source is None or self._mode == "push":
            self._push(host, block, arrivals)
        elif not host.feeding:
            self._announce(host, block, source, arrivals)

    def _push(self, host: Host, block: SignedBlock, arrivals: dict[str, int]) -> None:
        soonest_ns = self.engine.now_ns + self.links.soonest_ns
        for peer in self.neighbours[host.name]:
            known_ns = arrivals.get(peer)
            if known_ns is not None and known_ns <= soonest_ns:
                continue
            at_ns = self.post(host.name, peer, self._on_body, peer, block, host.name)
            if at_ns is not None and (known_ns is None or at_ns < known_ns):
                arrivals[peer] = at_ns

    def send(self, source: str, target: str, block: SignedBlock) -> None:
        """Send one block to one host."""
        self.post(source, target, self._on_body, target, block, source)

    def _announce(
        self, host: Host, block: SignedBlock, source: str, arrivals: dict[str, int]
    ) -> None:
        soon_ns = self.engine.now_ns + WAIT_MIN_NS
        if len(arrivals) == len(self.hosts) and max(arrivals.values()) <= soon_ns:
            return
        for peer in self.neighbours[host.name]:
            if peer != source and arrivals.get(peer, soon_ns + 1) > soon_ns:
                self.post(host.name, peer, self.on_have, peer, host.name, block.id)

    def _on_body(self, name: str, block: SignedBlock, peer: str) -> None:
        host = self.hosts[name]
        self._wanted.pop((name, block.id), None)
        assert host.chain is not None
        if not host.chain.has_block(block.id):
            host.take_block(block, peer)

    def on_have(self, name: str, peer: str, block_id: bytes) -> None:
        """Note that peer offers host name a block; ask for it soon if it is lacking."""
        host = self.hosts[name]
        assert host.chain is not None
        if host.chain.has_block(block_id):
            return
        holders = self._wanted.get((name, block_id))
        if holders is not None:
            holders.append(peer)
            return
        self._wanted[name, block_id] = [peer]
        due_ns = self.engine.now_ns + wait_ns(name, block_id)
        self.engine.at(due_ns, self._ask, name, host.life, block_id)

    def _ask(self, name: str, life: int, block_id: bytes) -> None:
        host, holders = self.hosts[name], self._wanted.get((name, block_id))
        if holders is None or host.life != life or host.chain is None:
            return
        if not holders or host.chain.has_block(block_id):
            del self._wanted[name, block_id]
            return
        free_ns = host.at_work_until_ns()
        if free_ns is not None:
            self.engine.at(free_ns, self._ask, name, life, block_id)
            return
        peer = holders.pop(0)
        self.post(name, peer, self._on_want, peer, name, block_id)
        self.engine.at(self.engine.now_ns + RETRY_NS, self._ask, name, life, block_id)

    def _on_want(self, name: str, peer: str, block_id: bytes) -> None:
        block = self.hosts[name].store.block(block_id)
        hides = self.hosts[name].hides
        if block is not None and not (hides and hides(block_id)):
            self.post(name, peer, self._on_body, peer, block, name)

    def _arrivals(self, block_id: bytes) -> dict[str, int]:
        found = self._spreads.get(block_id)
        if found is None:
            found = self._spreads[block_id] = {}
            if len(self._spreads) > SPREADS_MAX:
                self._spreads.popitem(last=False)
        return found

    # ------------------------------------------------------------ transactions, catching up

    def relay(self, host: Host, transaction: Transaction, source: str | None) -> None:
        """Push a transaction to the peers that its source does not reach itself."""
        for peer in self.neighbours[host.name]:
            if transaction.id in self.hosts[peer].seen_transactions:
                continue
            if source is None or not self._reaches(source, peer):
                self._push_transaction(host.name, peer, transaction)

    def _reaches(self, source: str, peer: str) -> bool:
        return peer in self._near[source] and self.in_touch(source, peer)

    @property
    def in_debt(self) -> bool:
        """Return whether any host is owed what waits at another."""
        return bool(self._owed)

    def owe(self, peer: str) -> None:
        """Let all neighbours of a host offer it what waits: something may not have reached it."""
        self._owed.update((name, peer) for name in self.neighbours[peer])

    def offer(self, host: Host, peer: str, tip: Tip, under_way: set[tuple[str, bytes]]) -> None:
        """Send to peer, which shows tip, what waits at host and it lacks, if that is owed it.

        Only once both have caught up, as the node does. under_way: who was offered what in this
        round; what is sent joins it.
        """
        chain, seen = host.chain, self.hosts[peer].seen_transactions
        assert chain is not None
        if (host.name, peer) not in self._owed or self.links.is_cut(host.name, peer):
            return
        if not chain.has_block(tip.head_id) or tip.head_num < chain.lib.num:
            return
        offered = offer(
            chain.mempool,
            lambda tx_id: tx_id in seen or (peer, tx_id) in under_way,
            now_ns=host.clock.wall_ns(self.engine.now_ns),
            bytes_max=burst_bytes_max(host.shared.genesis.max_block_bytes),
        )
        if offered.whole:
            self._owed.discard((host.name, peer))
        for transaction in host.passes_on(offered.transactions):
            if self._push_transaction(host.name, peer, transaction):
                under_way.add((peer, transaction.id))

    def _push_transaction(self, name: str, peer: str, transaction: Transaction) -> bool:
        """Return whether it will arrive; if not, it is owed."""
        if self.post(name, peer, self._on_transaction, peer, transaction, name) is not None:
            return True
        self._owed.add((name, peer))
        return False

    def _on_transaction(self, name: str, transaction: Transaction, peer: str) -> None:
        self.hosts[name].take_transaction(transaction, peer)

    def request_sync(self, host: Host, peer: str) -> None:
        """Ask peer for what is missing below the block it sent."""
        self.on_gap(host, peer)
