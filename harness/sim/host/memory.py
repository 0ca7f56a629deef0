"""A node's store in memory: what a crash leaves is what had been made durable, as on disk."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

from node.chain.model.block import SignedBlock
from node.chain.model.watermark import Watermark

Loss = Literal["nothing", "uncommitted", "watermarks", "everything"]
"""What a crash takes: nothing; what was not committed (a kill); the watermarks too; the disk."""


class MemoryStore:
    """Blocks and watermarks of one node. Same promises as the node's own store:

    an own block and its watermark are one commit, which takes what was received before along;
    finalizing commits too.
    """

    __slots__ = (
        "_final", "_final_nums", "_first_num", "_lowest", "_open", "_reversible",
        "_reversible_ids", "watermarks",
    )  # fmt: skip

    def __init__(self) -> None:
        self._final: list[SignedBlock] = []
        self._final_nums: dict[bytes, int] = {}
        self._first_num = 0
        self._reversible: dict[bytes, SignedBlock] = {}
        self._reversible_ids = defaultdict[int, list[bytes]](list)
        self._lowest = 0
        self._open: list[bytes] = []
        self.watermarks: dict[str, Watermark] = {}

    def put(self, block: SignedBlock, watermark: Watermark | None) -> None:
        """Keep a block; with a watermark, durably."""
        block_id, num = block.id, block.num
        if block_id not in self._final_nums:
            self._reversible.setdefault(block_id, block)
            self._reversible_ids[num].append(block_id)
            if num < self._lowest:
                self._lowest = num
        if watermark is None:
            self._open.append(block_id)
            return
        known = self.watermarks.get(watermark.producer, watermark)
        self.watermarks[watermark.producer] = known.raised(watermark.num, watermark.slot)
        self.commit()

    def finalize(self, num: int, block_id: bytes) -> None:
        """Mark block_id and its ancestors irreversible, drop other branches up to num."""
        line: list[SignedBlock] = []
        block = self._reversible.get(block_id)
        while block is not None:
            line.append(block)
            block = self._reversible.get(block.previous)
        for block in reversed(line):
            if not self._final:
                self._first_num = block.num
            self._final.append(block)
            self._final_nums[block.id] = block.num
        for passed in range(self._lowest, num + 1):
            for gone in self._reversible_ids.pop(passed, ()):
                self._reversible.pop(gone, None)
        self._lowest = num + 1
        self.commit()

    def commit(self) -> None:
        """Make everything put so far durable."""
        self._open.clear()

    def crash(self, loss: Loss) -> None:
        """Forget what a crash takes."""
        if loss == "nothing":
            self.commit()
        for block_id in self._open:
            self._reversible.pop(block_id, None)
        self._open.clear()
        if loss in ("watermarks", "everything"):
            self.watermarks.clear()
        if loss == "everything":
            self._final.clear()
            self._final_nums.clear()
            self._reversible.clear()

    def restore(self) -> Iterator[tuple[SignedBlock, bool]]:
        """Return (block, irreversible) of each block, parents first, in the order they came."""
        yield from ((block, True) for block in self._final)
        yield from ((block, False) for block in self._reversible.values())

    def irreversible_num(self, block_id: bytes) -> int | None:
        """Return the number of block_id if it is irreversible here."""
        return self._final_nums.get(block_id)

    def block(self, block_id: bytes) -> SignedBlock | None:
        """Return a block that is kept."""
        num = self._final_nums.get(block_id)
        if num is not None:
            return self._final[num - self._first_num]
        return self._reversible.get(block_id)

    def irreversible_after(self, num: int, most: int) -> list[SignedBlock]:
        """Return the irreversible blocks above num, in order, at most that many."""
        start = max(0, num + 1 - self._first_num)
        return self._final[start : start + most]
