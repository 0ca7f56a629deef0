"""The tree of reversible blocks above the last irreversible one, and the preferred branch."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile

import msgspec

from node.chain.model.block import SignedBlock
from node.chain.model.errors import BlockRejected, Reason
from node.chain.profile import ChainState

RIVALS_MAX = 32
"""Most blocks of one producer for one slot that are kept while nothing builds on them."""


class BlockRef(msgspec.Struct, frozen=True):
    """A block by number, id and slot."""

    num: int
    id: bytes
    slot: int

    @staticmethod
    def of(state: ChainState) -> BlockRef:
        """Return the block of state by name only."""
        return BlockRef(state.num, state.id, state.slot)


@dataclass(slots=True, eq=False)
class ForkItem:
    """A block in the tree. block is None only for genesis; parent is None only for the root."""

    state: ChainState
    block: SignedBlock | None
    parent: ForkItem | None
    validated: bool = False
    num: int = field(init=False)
    id: bytes = field(init=False)
    slot: int = field(init=False)

    def __post_init__(self) -> None:
        # Walks over hundreds of items ask for these.
        self.num, self.id, self.slot = self.state.num, self.state.id, self.state.slot

    @property
    def ref(self) -> BlockRef:
        """Return the block by name only."""
        return BlockRef.of(self.state)

    @property
    def signed(self) -> SignedBlock:
        """Return the block of any item but genesis."""
        assert self.block is not None
        return self.block


class ForkDB:
    """Mutable: the tree, its root (irreversible) and its head (executed, preferred).

    A producer may sign any number of good blocks for its slot; the tree keeps rivals_max and drops
    the oldest that nothing builds on. If that is what others build on after all, their blocks do
    not link and it is asked for again.
    """

    __slots__ = ("_items", "_rivals", "_rivals_max", "head", "root")

    def __init__(self, root: ChainState, *, rivals_max: int = RIVALS_MAX) -> None:
        self._rivals_max = rivals_max
        self.root = ForkItem(root, None, None, validated=True)
        self.head = self.root
        self._items: dict[bytes, ForkItem] = {root.id: self.root}
        self._rivals: dict[tuple[int, str], list[ForkItem]] = {}

    def __len__(self) -> int:
        return len(self._items)

    def get(self, block_id: bytes) -> ForkItem | None:
        """Return the block of that id, the root included."""
        return self._items.get(block_id)

    def item(self, block_id: bytes | None) -> ForkItem:
        """Return the block of that id, which is in the tree."""
        assert block_id is not None
        return self._items[block_id]

    def add(self, state: ChainState, block: SignedBlock) -> ForkItem:
        """Return the new item of a block whose parent is in the tree; it is not validated yet.

        Raises:
            BlockRejected: unlinkable.
        """
        parent = self._items.get(block.previous)
        if parent is None:
            raise BlockRejected(Reason.UNLINKABLE, block.num)
        assert state.id not in self._items
        item = ForkItem(state, block, parent)
        self._items[state.id] = item
        rivals = self._rivals.setdefault((item.slot, block.producer), [])
        rivals.append(item)
        if len(rivals) > self._rivals_max:
            self._drop_a_rival(rivals)
        return item

    def _drop_a_rival(self, rivals: list[ForkItem]) -> None:
        """Drop the oldest of them, the newest aside, on which nothing is built."""
        rivals[:] = [x for x in rivals if self._items.get(x.id) is x]
        if len(rivals) <= self._rivals_max:
            return
        parents = {id(x.parent) for x in self._items.values()}
        for rival in rivals[:-1]:
            if rival is not self.head and id(rival) not in parents:
                rivals.remove(rival)
                del self._items[rival.id]
                return

    def tips(self) -> list[ForkItem]:
        """Return the blocks on which nothing is built, the root aside, in order of arrival."""
        parents = {id(item.parent) for item in self._items.values()}
        ends = (item for item in self._items.values() if id(item) not in parents)
        return [item for item in ends if item is not self.root]

    def remove(self, item: ForkItem) -> None:
        """Drop a block and all its descendants; the head is never among them."""
        for doomed in [x for x in self._items.values() if _descends(x, item)]:
            assert doomed is not self.head
            del self._items[doomed.id]

    def branches(
        self, old: ForkItem, new: ForkItem
    ) -> tuple[list[ForkItem], list[ForkItem], ForkItem]:
        """Return (down, up, ancestor): to undo newest first, to apply oldest first."""
        down: list[ForkItem] = []
        up: list[ForkItem] = []
        while old is not new:
            if old.num >= new.num:
                down.append(old)
                old = _parent(old)
            else:
                up.append(new)
                new = _parent(new)
        return down, up[::-1], old

    def advance_root(self, block_id: bytes | None) -> None:
        """Make that block of the head's branch the root; drop whatever does not descend from it."""
        new_root = self.item(block_id)
        assert new_root.validated
        if len(self._items) == self.head.num - self.root.num + 1:
            # As nearly always: there is nothing but the head's branch.
            passed = new_root.parent
            while passed is not None:
                del self._items[passed.id]
                passed = passed.parent
        else:
            self._items = self._descendants(new_root)
        for slot, producer in list(takewhile(lambda key: key[0] <= new_root.slot, self._rivals)):
            # In order of arrival: what came early for a later slot keeps some for a while.
            del self._rivals[slot, producer]
        new_root.parent = None
        self.root = new_root

    def _descendants(self, root: ForkItem) -> dict[bytes, ForkItem]:
        """Return root and what is built on it, by id, in order of arrival."""
        keep = {root.id: root}
        # A dict keeps insertion order and parents are inserted before their children.
        for block_id, candidate in self._items.items():
            if candidate.parent is not None and candidate.parent.id in keep:
                keep[block_id] = candidate
        return keep


def _parent(item: ForkItem) -> ForkItem:
    assert item.parent is not None, "two blocks of one tree have a common ancestor"
    return item.parent


def _descends(item: ForkItem, ancestor: ForkItem) -> bool:
    step: ForkItem | None = item
    while step is not None and step.num > ancestor.num:
        step = step.parent
    return step is ancestor
