"""What peers are answered: blocks that the store has, and what follows those they have."""

from collections.abc import Callable

from node.chain.chain import Chain
from node.network import wire
from node.network.sync_rules import following
from node.storage.store import Store

DENIED = b""
"""Stands for a block that is denied: what comes behind it is not shown either."""


class Answers:
    """Reads chain and store for peers that ask; never more than bytes_max at once.

    hides: whether this node denies a block, as liars do.
    """

    def __init__(
        self, chain: Chain, store: Store, *, bytes_max: int, hides: Callable[[bytes], bool]
    ) -> None:
        self._chain = chain
        self._hides = hides
        self._store = store
        self._bytes_max = bytes_max
        self._agreed: tuple[int, bytes] | None = None

    def raw(self, block_id: bytes) -> bytes | None:
        """Return the bytes of a block, None for one the store does not have."""
        return None if self._hides(block_id) else self._store.raw(block_id)

    def shown_head(self) -> tuple[int, bytes]:
        """Return number and id of the head, or of its newest ancestor that is not denied."""
        head, lib = self._chain.head, self._chain.lib
        if not self._hides(head.id):
            return head.num, head.id
        ids = self._chain.branch_ids(lib.num)
        shown = (n for n in range(len(ids) - 1, 0, -1) if not self._hides(ids[n]))
        n = next(shown, 0)
        return lib.num + n, ids[n]

    def disagrees(self, num: int, block_id: bytes) -> bool:
        """Return whether another block of that number is irreversible here."""
        if (num, block_id) == self._agreed:
            return False  # As nearly every hello says.
        ours = self._store.irreversible_id(num)
        if ours == block_id:
            self._agreed = num, block_id
        return ours not in (None, block_id)

    def following(self, request: wire.SyncRequest) -> wire.SyncBlocks:
        """Return the blocks behind the newest one of the request's that is on our chain."""
        found = following(self._chain, request.locator, self._store, self._shown_raw)
        if found is None:
            return wire.SyncBlocks(request.request, [], False, True)
        after, raws = found
        shown = raws[: raws.index(DENIED)] if DENIED in raws else raws
        sent = _within(shown, self._bytes_max)
        more = len(shown) == len(raws) and after + len(sent) < self._chain.head.num
        return wire.SyncBlocks(request.request, sent, more, False)

    def _shown_raw(self, block_id: bytes) -> bytes | None:
        return DENIED if self._hides(block_id) else self._store.raw(block_id)


def _within(raws: list[bytes], bytes_max: int) -> list[bytes]:
    """The first of raws that are at most bytes_max together, but always one."""
    size = 0
    for count, raw in enumerate(raws):
        size += len(raw)
        if count and size > bytes_max:
            return raws[:count]
    return raws
