"""Who is known to have which block or transaction, and which announced blocks to ask for, and when.

No socket and no clock in here: the links say what arrived and what time it is. The rules: the
producer of a block pushes its body to its direct peers, everybody else only announces the id, and
who still lacks the body a little later asks one holder at a time. Nothing goes back to its source.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

KNOWN_BLOCKS_MAX = 4_096
KNOWN_TRANSACTIONS_MAX = 32_768
WANTED_MAX = 4_096
WAIT_MIN_NS = 20_000_000
WAIT_SPREAD_NS = 30_000_000
RETRY_NS = 500_000_000
MAX_ASKED = 100


class KnownIds:
    """A set of ids that forgets the oldest when full."""

    __slots__ = ("_ids", "_most")

    def __init__(self, most: int) -> None:
        self._ids: dict[bytes, None] = {}
        self._most = most

    def add(self, item_id: bytes) -> None:
        """Remember item_id."""
        if item_id in self._ids:
            return
        if len(self._ids) >= self._most:
            del self._ids[next(iter(self._ids))]
        self._ids[item_id] = None

    def __contains__(self, item_id: bytes) -> bool:
        return item_id in self._ids

    def __len__(self) -> int:
        return len(self._ids)


@dataclass(slots=True)
class _Wanted:
    due_ns: int
    holders: list[str]
    asked: set[str] = field(default_factory=set)


class Gossip:
    """What each peer is known to have, and the blocks that were announced but not seen."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._blocks: dict[str, KnownIds] = {}
        self._transactions: dict[str, KnownIds] = {}
        self._wanted: dict[bytes, _Wanted] = {}

    def forget(self, peer: str) -> None:
        """Start anew with peer: what was in flight to it may be lost."""
        self._blocks.pop(peer, None)
        self._transactions.pop(peer, None)

    def has_block(self, peer: str, block_id: bytes) -> None:
        """Note that peer has the block."""
        self._blocks.setdefault(peer, KnownIds(KNOWN_BLOCKS_MAX)).add(block_id)

    def has_transaction(self, peer: str, tx_id: bytes) -> None:
        """Note that peer has the transaction."""
        self._transactions.setdefault(peer, KnownIds(KNOWN_TRANSACTIONS_MAX)).add(tx_id)

    def lacking_block(self, peers: Iterable[str], block_id: bytes) -> list[str]:
        """Return those of peers that are not known to have the block."""
        known = self._blocks
        return [peer for peer in peers if peer not in known or block_id not in known[peer]]

    def lacking_transaction(self, peers: Iterable[str], tx_id: bytes) -> list[str]:
        """Return those of peers that are not known to have the transaction."""
        known = self._transactions
        return [peer for peer in peers if peer not in known or tx_id not in known[peer]]

    def announced(self, peer: str, block_id: bytes, now_ns: int) -> None:
        """Note that peer offers a block we lack; it is due to be asked for in 20 to 50 ms."""
        wanted = self._wanted.get(block_id)
        if wanted is None:
            if len(self._wanted) >= WANTED_MAX:
                del self._wanted[next(iter(self._wanted))]
            self._wanted[block_id] = _Wanted(now_ns + self._wait_ns(block_id), [peer])
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
        """Return when due() has something to say next."""
        return min((wanted.due_ns for wanted in self._wanted.values()), default=None)

    def _wait_ns(self, block_id: bytes) -> int:
        """Return a wait that differs between hosts and blocks, so that askers spread."""
        draw = sha256(self._host.encode() + block_id).digest()
        return WAIT_MIN_NS + int.from_bytes(draw[:4], "big") % WAIT_SPREAD_NS
