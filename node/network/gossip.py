"""Who is known to have which block or transaction, which announced blocks to ask for, and when.

No socket and no clock in here: the links say what arrived and what time it is. The rules: the
producer of a block pushes its body to its direct peers, everybody else only announces the id, and
who still lacks the body a little later asks one holder at a time. Nothing goes back to its source.
A transaction is pushed to all peers that its source does not reach itself. Where that may have
failed, the peer is owed an offer of all that still waits: after a link was lost, at a full queue.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from node.chain.model.slot import NS_PER_S
from node.chain.model.transaction import Transaction

KNOWN_BLOCKS_MAX = 4_096
KNOWN_TRANSACTIONS_MAX = 32_768
WANTED_MAX = 4_096
WAIT_MIN_NS = 20_000_000
WAIT_SPREAD_NS = 30_000_000
RETRY_NS = 500_000_000
MAX_ASKED = 100
OFFERED_MAX = 500
"""Half of what a link queues, so that blocks find room beside an offer."""
BURST_BYTES_MIN = 1 << 20


def burst_bytes_max(max_block_bytes: int) -> int:
    """Return how many bytes a peer is sent at once, in an answer of blocks or in an offer."""
    return max(BURST_BYTES_MIN, 2 * max_block_bytes)


def wait_ns(host: str, block_id: bytes) -> int:
    """Return how long host waits for the body of an announced block before it asks for it.

    It differs between hosts and blocks, so that askers spread.
    """
    draw = sha256(host.encode() + block_id).digest()
    return WAIT_MIN_NS + int.from_bytes(draw[:4], "big") % WAIT_SPREAD_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What to send to a peer now; whole: nothing more is left to offer it."""

    transactions: tuple[Transaction, ...]
    whole: bool


def offer(
    waiting: Iterable[Transaction], known: Callable[[bytes], bool], *, now_ns: int, bytes_max: int
) -> Offer:
    """Return what a peer that is ready again may lack of what waits, in the order of waiting.

    known: whether the peer has the transaction of an id, or is sent it by another. Expired ones
    are left out. At most OFFERED_MAX transactions and bytes_max bytes, but always the first one.
    """
    picked: list[Transaction] = []
    size = 0
    for transaction in waiting:
        if transaction.expiration_s * NS_PER_S < now_ns or known(transaction.id):
            continue
        size += transaction.size_bytes
        if picked and (size > bytes_max or len(picked) >= OFFERED_MAX):
            return Offer(transactions=tuple(picked), whole=False)
        picked.append(transaction)
    return Offer(transactions=tuple(picked), whole=True)


class KnownIds:
    """A set of ids that forgets the oldest when full."""

    __slots__ = ("_ids", "_most", "_order")

    def __init__(self, most: int) -> None:
        self._ids: set[bytes] = set()
        self._order: deque[bytes] = deque()
        self._most = most

    def add(self, item_id: bytes) -> bool:
        """Remember item_id; return whether it is new."""
        if item_id in self._ids:
            return False
        self._ids.add(item_id)
        self._order.append(item_id)
        if len(self._order) > self._most:
            self._ids.discard(self._order.popleft())
        return True

    def __contains__(self, item_id: bytes) -> bool:
        return item_id in self._ids


@dataclass(slots=True)
class _Wanted:
    due_ns: int
    holders: list[str]
    asked: set[str] = field(default_factory=set)


class Gossip:
    """What each peer is known to have, whom it reaches, and the blocks announced but not seen."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._blocks: dict[str, KnownIds] = {}
        self._transactions: dict[str, KnownIds] = {}
        self._sources: dict[bytes, str] = {}
        self._linked: dict[str, frozenset[str]] = {}
        self._owed: set[str] = set()
        self._wanted: dict[bytes, _Wanted] = {}

    def forget(self, peer: str) -> None:
        """Start anew with peer: what was in flight to it, or from it to others, may be lost."""
        self._blocks.pop(peer, None)
        self._transactions.pop(peer, None)
        self._owed.update((peer, *self._linked.pop(peer, ())))

    def linked(self, peer: str, hosts: Iterable[str]) -> None:
        """Note which of our peers this one reaches itself; whom it reaches no more is owed."""
        reached = frozenset(hosts)
        self._owed |= self._linked.get(peer, reached) - reached
        self._linked[peer] = reached

    def owe(self, peer: str) -> None:
        """Note that peer was not sent what it should have been."""
        self._owed.add(peer)

    def owes(self, peer: str) -> bool:
        """Return whether what waits is to be offered to peer."""
        return peer in self._owed

    def settled(self, peer: str) -> None:
        """Note that peer was sent all that was owed."""
        self._owed.discard(peer)

    def offer(
        self, peer: str, waiting: Iterable[Transaction], *, now_ns: int, bytes_max: int
    ) -> Offer:
        """Return what to send to peer now of what waits; see the function of this name."""

        def known(tx_id: bytes) -> bool:
            return not self.lacking_transaction((peer,), tx_id)

        return offer(waiting, known, now_ns=now_ns, bytes_max=bytes_max)

    def has_block(self, peer: str, block_id: bytes) -> None:
        """Note that peer has the block."""
        self._blocks.setdefault(peer, KnownIds(KNOWN_BLOCKS_MAX)).add(block_id)

    def has_transaction(self, peer: str, tx_id: bytes) -> None:
        """Note that peer has the transaction."""
        self._transactions.setdefault(peer, KnownIds(KNOWN_TRANSACTIONS_MAX)).add(tx_id)

    def came(self, tx_id: bytes, source: str) -> None:
        """Note that source passed the transaction on to us, and so to all it reaches."""
        if len(self._sources) >= KNOWN_TRANSACTIONS_MAX:
            del self._sources[next(iter(self._sources))]
        self._sources[tx_id] = source

    def lacking_block(self, peers: Iterable[str], block_id: bytes) -> list[str]:
        """Return those of peers that are not known to have the block."""
        known = self._blocks
        return [peer for peer in peers if peer not in known or block_id not in known[peer]]

    def lacking_transaction(self, peers: Iterable[str], tx_id: bytes) -> list[str]:
        """Return those of peers that neither are known to have it nor have it from its source."""
        known = self._transactions
        source = self._sources.get(tx_id, "")
        reached = self._linked.get(source, frozenset())
        return [
            peer
            for peer in peers
            if peer != source
            and peer not in reached
            and (peer not in known or tx_id not in known[peer])
        ]

    def announced(self, peer: str, block_id: bytes, now_ns: int) -> None:
        """Note that peer has a block we lack; it is due to be asked for in 20 to 50 ms."""
        wanted = self._wanted.get(block_id)
        if wanted is None:
            if len(self._wanted) >= WANTED_MAX:
                del self._wanted[next(iter(self._wanted))]
            self._wanted[block_id] = _Wanted(now_ns + wait_ns(self._host, block_id), [peer])
        elif peer not in wanted.holders:
            wanted.holders.append(peer)

    def arrived(self, block_id: bytes) -> None:
        """Stop asking for the block."""
        self._wanted.pop(block_id, None)

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
