"""Catching up: when to ask which peer for missing blocks, what to answer. No socket, no clock.

One request at a time. The best peer is the one furthest ahead by (last irreversible, head); a peer
that does not answer within 2 s, or with nothing, is left alone for a while and the next is asked.
Source: the sync manager of eosio's net_plugin, cases 1 and 3 (chunks of 100, here by locator).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from node.chain.chain import Chain

TIMEOUT_NS = 2_000_000_000
BACKOFF_NS = 2_000_000_000
STALE_NS = 1_000_000_000
GAP_BLOCKS = 3
"""That many blocks behind is not a block in flight any more."""
MAX_BLOCKS = 100
"""Most blocks of one answer."""
MAX_LOCATOR = 64

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """How far a chain is."""

    head_num: int
    head_id: bytes
    lib_num: int

    @staticmethod
    def of(chain: Chain) -> Tip:
        """Return how far chain is."""
        head = chain.head
        return Tip(head_num=head.num, head_id=head.id, lib_num=chain.lib.num)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Send peer a request with this number."""

    peer: str
    request: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Active:
    ask: Ask
    deadline_ns: int | None  # None: the answer is here and being applied


class Sync:
    """What the peers have, and the request under way."""

    def __init__(self) -> None:
        self._tips: dict[str, Tip] = {}
        self._unknown_since_ns: dict[str, int] = {}
        self._nudged: set[str] = set()
        self._backoff_ns: dict[str, int] = {}
        self._active: _Active | None = None
        self._requests = 0
        self.told = ""
        """The peer that news() last named as the one we catch up from, "" after the end."""

    @property
    def active_peer(self) -> str | None:
        """Return the peer we are catching up from."""
        return None if self._active is None else self._active.ask.peer

    def saw(self, peer: str, tip: Tip, *, known: bool, now_ns: int) -> None:
        """Note how far peer is; known: its head is a block we have."""
        self._tips[peer] = tip
        if known:
            self._unknown_since_ns.pop(peer, None)
            self._nudged.discard(peer)
        else:
            self._unknown_since_ns.setdefault(peer, now_ns)

    def nudge(self, peer: str) -> None:
        """Note that a block of peer links to nothing we have."""
        self._nudged.add(peer)

    def gone(self, peer: str) -> None:
        """Forget peer; a request to it is given up, unless its answer is here already.

        Nobody else is asked while that is applied: the end of it would end the next request, too.
        """
        self._tips.pop(peer, None)
        self._unknown_since_ns.pop(peer, None)
        self._nudged.discard(peer)
        self._backoff_ns.pop(peer, None)
        active = self._active
        if active is not None and active.ask.peer == peer and active.deadline_ns is not None:
            self._active = None

    def poll(self, mine: Tip, knows: Callable[[bytes], bool], now_ns: int) -> Ask | None:
        """Return the request to send now, if any."""
        active = self._active
        if active is not None:
            if active.deadline_ns is None or now_ns < active.deadline_ns:
                return None
            self._backoff_ns[active.ask.peer] = now_ns + BACKOFF_NS
            self._active = None
        best: tuple[int, int, str] | None = None
        for peer, tip in self._tips.items():
            if self._backoff_ns.get(peer, now_ns) > now_ns or not self._behind(peer, mine, now_ns):
                continue
            if peer in self._nudged or not knows(tip.head_id):
                best = max(best or (0, 0, ""), (tip.lib_num, tip.head_num, peer))
        if best is None:
            return None
        self._requests += 1
        ask = Ask(peer=best[2], request=self._requests)
        self._active = _Active(ask=ask, deadline_ns=now_ns + TIMEOUT_NS)
        return ask

    def answered(self, peer: str, request: int) -> bool:
        """Return whether this is the answer we wait for; its blocks are being applied then."""
        active = self._active
        if active is None or active.deadline_ns is None:
            return False
        if active.ask != Ask(peer=peer, request=request):
            return False
        self._active = _Active(ask=active.ask, deadline_ns=None)
        return True

    def news(self) -> tuple[str, Literal["syncing", "synced"]] | None:
        """Return which peer we have just begun to catch up from, or have just caught up from."""
        before, active = self.told, self.active_peer or ""
        if active == before:
            return None
        self.told = active
        return (active, "syncing") if active else (before, "synced")

    def applied(self, *, blocks: int, more: bool, now_ns: int, cut: bool = False) -> None:
        """Note that the answer is worked off; the next poll goes on, or leaves a useless peer.

        cut: work on a block of our own began; the rest of the answer is asked for again.
        """
        if self._active is None or self._active.deadline_ns is not None:
            return
        peer = self._active.ask.peer
        self._active = None
        if not more:
            self._nudged.discard(peer)
        if blocks == 0 and peer in self._tips:
            self._backoff_ns[peer] = now_ns + BACKOFF_NS
        if cut:
            self._nudged.add(peer)

    def _behind(self, peer: str, mine: Tip, now_ns: int) -> bool:
        tip = self._tips[peer]
        if peer in self._nudged or tip.head_num >= mine.head_num + GAP_BLOCKS:
            return True
        if tip.lib_num > mine.head_num:
            return True
        ahead = (tip.lib_num, tip.head_num) > (mine.lib_num, mine.head_num)
        since_ns = self._unknown_since_ns.get(peer)
        return ahead and since_ns is not None and now_ns - since_ns >= STALE_NS


def locator(branch_ids: Sequence[bytes], most: int) -> list[bytes]:
    """Return ids of a branch (oldest first, last irreversible block at the front) to ask with.

    Newest first: the ten newest, then at doubling distance, and always the oldest.
    """
    picked: list[bytes] = []
    position, step = len(branch_ids) - 1, 1
    while position > 0 and len(picked) < most - 1:
        picked.append(branch_ids[position])
        if len(picked) >= 10:
            step *= 2
        position -= step
    return [*picked, branch_ids[0]]


def after_locator(
    ids: Sequence[bytes],
    positions: Mapping[bytes, int],
    irreversible_num: Callable[[bytes], int | None],
) -> int | None:
    """Return the number of the newest block of ids that is on our chain, None when none is.

    positions: ids of our own branch above the last irreversible block, to their numbers;
    irreversible_num answers for the blocks below.
    """
    for item in ids:
        num = positions.get(item)
        if num is None:
            num = irreversible_num(item)
        if num is not None:
            return num
    return None


class Kept(Protocol[T]):
    """A node's store, as far as answers come from it; T is the form in which it keeps blocks."""

    def irreversible_num(self, block_id: bytes) -> int | None:
        """Return the number of block_id if it is irreversible here."""

    def irreversible_after(self, num: int, most: int) -> list[T]:
        """Return the irreversible blocks above num, in order, at most that many."""


def following(
    chain: Chain, ids: Sequence[bytes], kept: Kept[T], get: Callable[[bytes], T | None]
) -> tuple[int, list[T]] | None:
    """Return the number of the newest block of ids on our chain, and the blocks behind it.

    At most MAX_BLOCKS; None when none of ids is. get finds a block of our branch in the store.
    """
    lib_num = chain.lib.num
    branch = chain.branch_ids(lib_num)
    positions = {block_id: lib_num + n for n, block_id in enumerate(branch)}
    positions[chain.genesis.id] = chain.genesis.num
    after = after_locator(ids, positions, kept.irreversible_num)
    if after is None:
        return None
    blocks = kept.irreversible_after(after, MAX_BLOCKS) if after < lib_num else []
    last = after + len(blocks)
    if last >= lib_num:
        wanted = branch[last + 1 - lib_num :][: MAX_BLOCKS - len(blocks)]
        blocks += [block for block_id in wanted if (block := get(block_id)) is not None]
    return after, blocks
