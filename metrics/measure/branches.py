"""The branch of one node's head, as its lines tell that it grew, was cut, and was left."""

from collections.abc import Iterator
from typing import NamedTuple

from metrics.intake.trial import Event
from metrics.measure.blocks import APPLIED

TOLD = {"applied": APPLIED, "switched": "ancestor_num", "started": "resumed_num"}
"""What tells of a node's branch: columns by kind."""


class Block(NamedTuple):
    """A block of a branch."""

    num: int
    id: str


class Branch:
    """Mutable: hand it a node's lines in order. blocks: the head's branch, the oldest first."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []

    def take(self, line: Event) -> list[Block]:
        """Follow a line; return what it undid by the node's own choice, the newest first.

        What a crash took was not undone by anybody's choice. Of other kinds nothing is taken.
        """
        match line.kind:
            case "applied":
                self._cut(line.num - 1)
                self.blocks.append(Block(line.num, line.id))
            case "started":
                self._cut(line.resumed_num)
            case "switched":
                return self._cut(line.ancestor_num)
        return []

    def between(self, first: int, last: int) -> Iterator[Block]:
        """Yield the blocks numbered first to last, the newest first."""
        for block in reversed(self.blocks):
            if block.num < first:
                return
            if block.num <= last:
                yield block

    def _cut(self, num: int) -> list[Block]:
        """Forget all above a number; return it."""
        lost = []
        while self.blocks and self.blocks[-1].num > num:
            lost.append(self.blocks.pop())
        return lost
