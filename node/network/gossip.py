"""Who is sent which block or transaction, which announced blocks are asked for, and when.

No socket and no clock in here: a node's network and the simulated one say what arrived, what time
it is, and how to send. The rules: the producer of a block pushes its body to its direct peers,
everybody else only announces the id, and who still lacks the body a little later asks one holder at
a time. Nothing goes back to its source. A transaction is pushed to all peers that its source does
not reach itself. Where that may have failed, the peer is owed an offer of all that still waits:
after a link was lost, at a full queue.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

from node.chain.chain import Chain
from node.chain.model.slot import NS_PER_S
from node.chain.model.transaction import Transaction
from node.network.sync_rules import Sync, Tip

SEEN_BLOCKS_MAX = 1_024
PEER_BLOCKS_MAX = 128
"""Whether a peer has a block is asked while the block is new: of the last seconds is enough."""
KNOWN_TRANSACTIONS_MAX = 32_768
WANTED_MAX = 4_096
WAIT_MIN_NS = 20_000_000
WAIT_SPREAD_NS = 30_000_000
RETRY_NS = 500_000_000
MAX_ASKED = 100
NO_HOLDER, FEW_HOLDERS = 1, 3
"""A peer that fewer holders of a block reach is told of it: at once, and once that was to come."""
ENOUGH = 9, 10
"""The share of a block's transactions that a peer must know to be sent names of them all."""
OFFERED_MAX = 500
"""Far fewer frames than a link queues, so that blocks find room beside an offer."""


def wait_ns(host: str, block_id: bytes) -> int:
    """Return how long host waits for the body of an announced block before it asks for it.

    So long it also waits before it announces a block to those that will have it by then. It differs
    between hosts and blocks, so that askers spread, and tellers hear each other.
    """
    draw = sha256(host.encode() + block_id).digest()
    return WAIT_MIN_NS + int.from_bytes(draw[:4], "big") % WAIT_SPREAD_NS


def enough_known(known: int, count: int) -> bool:
    """Return whether a block of count transactions, of which a peer knows so many, names them."""
    return count > 0 and known * ENOUGH[1] >= count * ENOUGH[0]


class KnownIds:
    """A set of ids that forgets the oldest: of so many it holds at least half, and the newest.

    Kept as two sets, the newer of which takes what comes until it is full and then is the older.
    """

    __slots__ = ("_half", "_new", "_old")

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._new: set[bytes] = set()
        self._old: set[bytes] = set()

    def add(self, item_id: bytes) -> bool:
        """Remember item_id; return whether it is new."""
        if item_id in self._new or item_id in self._old:
            return False
        if len(self._new) >= self._half:
            self._old, self._new = self._new, set()
        self._new.add(item_id)
        return True

    def update(self, ids: Collection[bytes]) -> None:
        """Remember ids, which are fewer than half of what it holds."""
        if len(self._new) + len(ids) > self._half:
            self._old, self._new = self._new, set()
        self._new.update(ids)

    def lacking(self, ids: set[bytes]) -> set[bytes]:
        """Return those of ids that are not in here."""
        return ids - self._new - self._old

    def discard(self, item_id: bytes) -> None:
        """Forget item_id."""
        self._new.discard(item_id)
        self._old.discard(item_id)

    def __contains__(self, item_id: bytes) -> bool:
        return item_id in self._new or item_id in self._old


@dataclass(slots=True)
class _Wanted:
    due_ns: int
    holders: list[str]
    asked: set[str] = field(default_factory=set)


Send = Callable[[str], bool]
"""Sends something to a peer; returns whether it is on its way."""
SendTransactions = Callable[[str, Sequence[Transaction]], int]
"""Sends transactions to a peer; returns how many of them, the first, are on their way."""


class Gossip:
    """What was seen, what each peer is known to have, whom it reaches, the blocks announced.

    owed: the peers to whom what waits is to be offered.
    """

    def __init__(self, host: str) -> None:
        self.seen_blocks = KnownIds(SEEN_BLOCKS_MAX)
        self.seen_transactions = KnownIds(KNOWN_TRANSACTIONS_MAX)
        self.owed: set[str] = set()
        self.host = host
        self._blocks = defaultdict[str, KnownIds](partial(KnownIds, PEER_BLOCKS_MAX))
        self._transactions = defaultdict[str, KnownIds](partial(KnownIds, KNOWN_TRANSACTIONS_MAX))
        self._came_from = defaultdict[str, KnownIds](partial(KnownIds, KNOWN_TRANSACTIONS_MAX))
        self._linked: dict[str, Set[str]] = {}
        self._wanted: dict[bytes, _Wanted] = {}

    # ------------------------------------------------------------ links

    def forget(self, peer: str) -> None:
        """Start anew with peer: what was in flight to it, or from it to others, may be lost."""
        self._blocks.pop(peer, None)
        self._transactions.pop(peer, None)
        self.owed.update((peer, *self._linked.pop(peer, ())))

    def linked(self, peer: str, hosts: Set[str]) -> None:
        """Note which of our peers this one reaches itself; whom it reaches no more is owed."""
        before = self._linked.get(peer, hosts)
        self._linked[peer] = hosts
        if before is not hosts:
            self.owed |= before - hosts

    # ------------------------------------------------------------ blocks

    def push_block(self, block_id: bytes, peers: Iterable[str], send: Send) -> None:
        """Send a block to those of peers that are not known to have it."""
        for peer in self._lacking_block(peers, block_id):
            if send(peer):
                self._blocks[peer].add(block_id)

    def announce_block(
        self, block_id: bytes, peers: Iterable[str], send: Send, *, unless: int
    ) -> None:
        """Tell the id of another's block to the peers that are not known to have it.

        unless: of those that are, so many reach the peer.
        """
        known, linked = self._blocks, self._linked
        having = [linked[peer] for peer in linked if peer in known and block_id in known[peer]]
        for peer in self._lacking_block(peers, block_id):
            if sum([peer in reached for reached in having]) < unless:
                send(peer)

    def has_block(self, peer: str, block_id: bytes) -> None:
        """Note that peer has the block."""
        self._blocks[peer].add(block_id)

    def came(self, peer: str, block_id: bytes) -> None:
        """Note that the block came from peer; nobody else is asked for it."""
        self._blocks[peer].add(block_id)
        self._wanted.pop(block_id, None)

    def announced(self, peer: str, block_id: bytes, now_ns: int) -> None:
        """Note that peer has a block we lack; it is due to be asked for in 20 to 50 ms."""
        wanted = self._wanted.get(block_id)
        if wanted is None:
            if len(self._wanted) >= WANTED_MAX:
                del self._wanted[next(iter(self._wanted))]
            self._wanted[block_id] = _Wanted(now_ns + wait_ns(self.host, block_id), [peer])
        elif peer not in wanted.holders:
            wanted.holders.append(peer)

    def promised(self, peer: str, block_id: bytes, by_ns: int) -> None:
        """Note that peer has sent part of a block we lack; if not all is here by then, ask.

        Who says so again puts nothing off.
        """
        wanted = self._wanted.get(block_id)
        if wanted is None or peer not in wanted.holders:
            self.announced(peer, block_id, by_ns)
            self._wanted[block_id].due_ns = by_ns
        else:
            wanted.due_ns = min(wanted.due_ns, by_ns)

    def due(self, now_ns: int) -> dict[str, list[bytes]]:
        """Return what to ask of whom now; after a holder that fails, the next."""
        asks: dict[str, list[bytes]] = {}
        for block_id, wanted in list(self._wanted.items()):
            if wanted.due_ns > now_ns:
                continue
            holder = next((peer for peer in wanted.holders if peer not in wanted.asked), None)
            if holder is None:
                del self._wanted[block_id]
                continue
            ids = asks.setdefault(holder, [])
            if len(ids) < MAX_ASKED:
                ids.append(block_id)
                wanted.asked.add(holder)
                wanted.due_ns = now_ns + RETRY_NS
        return asks

    def next_due_ns(self) -> int | None:
        """Return the time at which due() has something to say next, None for never."""
        return min((wanted.due_ns for wanted in self._wanted.values()), default=None)

    def _lacking_block(self, peers: Iterable[str], block_id: bytes) -> list[str]:
        known = self._blocks
        return [peer for peer in peers if peer not in known or block_id not in known[peer]]

    # ------------------------------------------------------------ transactions

    def relay(
        self, transactions: Sequence[Transaction], peers: Iterable[str], source: str | None,
        send: SendTransactions,
    ) -> None:  # fmt: skip
        """Push each transaction to the peers that lack it and that their source does not reach."""
        if source is None:
            self.seen_transactions.update([transaction.id for transaction in transactions])
        else:
            reached = self._linked.get(source, ())
            peers = [peer for peer in peers if peer not in reached and peer != source]
        for peer in peers:
            known = self._transactions[peer]
            lacking = [each for each in transactions if each.id not in known]
            if lacking:
                self.push(lacking, peer, send)

    def push(self, transactions: Sequence[Transaction], peer: str, send: SendTransactions) -> bool:
        """Send transactions to peer; return whether all are on their way, if not peer is owed."""
        count = send(peer, transactions)
        self._transactions[peer].update([each.id for each in transactions[:count]])
        if count < len(transactions):
            self.owed.add(peer)
        return count == len(transactions)

    def lost(self, peer: str, tx_ids: Iterable[bytes]) -> None:
        """Note that what was on its way to peer found no room: it is owed that again."""
        for tx_id in tx_ids:
            self._transactions[peer].discard(tx_id)
        self.owed.add(peer)

    def can_name(self, peer: str, tx_ids: Sequence[bytes]) -> bool:
        """Return whether a block for peer may name its transactions instead of holding them."""
        lacking = set(tx_ids)
        for had in self._had(peer):
            lacking = had.lacking(lacking)
        return enough_known(len(tx_ids) - len(lacking), len(tx_ids))

    def offer(
        self, peer: str, waiting: Iterable[Transaction], *, now_ns: int, bytes_max: int
    ) -> list[Transaction]:
        """Return what to push to peer now of what waits and it may lack; the rest stays owed.

        In the order of waiting; expired ones are left out. At most OFFERED_MAX transactions and
        bytes_max bytes, but always the first one.
        """
        picked: list[Transaction] = []
        size, had = 0, self._had(peer)
        for transaction in waiting:
            expired = transaction.expiration_s * NS_PER_S < now_ns
            if expired or any(transaction.id in ids for ids in had):
                continue
            size += transaction.size_bytes
            if picked and (size > bytes_max or len(picked) >= OFFERED_MAX):
                return picked
            picked.append(transaction)
        self.owed.discard(peer)
        return picked

    def first_seen(self, peer: str, transactions: Sequence[Transaction]) -> list[Transaction]:
        """Note that transactions came from peer; return those that come for the first time."""
        seen = self.seen_transactions
        new = {each.id: each for each in transactions if each.id not in seen}
        if len(new) < len(transactions):
            again = [each.id for each in transactions if each.id not in new]
            self._transactions[peer].update(again)
        seen.update(new)
        self._came_from[peer].update(new)
        return list(new.values())

    def _had(self, peer: str) -> list[KnownIds]:
        """What peer has: it is known to, or it has that from the source."""
        from_source = [
            ids
            for source, ids in self._came_from.items()
            if source == peer or peer in self._linked.get(source, ())
        ]
        return [self._transactions[peer], *from_source]


def heard(peer: str, tip: Tip, chain: Chain, gossip: Gossip, sync: Sync, now_ns: int) -> bool:
    """Note how far peer says it is; return whether to offer it now what waits, as it is owed.

    Only once both have caught up: before, blocks may still be undone here whose transactions then
    wait, and the peer may lack the block that a transaction refers to.
    """
    known = chain.has_block(tip.head_id)
    sync.saw(peer, tip, known=known, now_ns=now_ns)
    if known:
        gossip.has_block(peer, tip.head_id)
    elif tip.head_num <= chain.head.num + 1:
        gossip.announced(peer, tip.head_id, now_ns)
    return known and peer in gossip.owed and tip.head_num >= chain.lib.num
