"""The state against a naive one that copies all rows at each step, in any order of what it does."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from node.chain.state.state import State, Table, read_image


class Row(msgspec.Struct, frozen=True, array_like=True):
    """A row of several fields."""

    one: int
    two: tuple[str, ...] = ()


NUMBERS = Table("numbers", str, int)
ROWS = Table("rows", bytes, Row)
BLOBS = Table("blobs", int, bytes)
TABLES: tuple[Table[Any, Any], ...] = (NUMBERS, ROWS, BLOBS)
PUTS = st.one_of(
    st.tuples(st.just(NUMBERS), st.sampled_from("abc"), st.integers(-2, 2)),
    st.tuples(
        st.just(ROWS),
        st.sampled_from((b"", b"x", b"y")),
        st.builds(Row, st.integers(0, 1), st.tuples(st.sampled_from("xy"))),
    ),
    st.tuples(st.just(BLOBS), st.integers(0, 2), st.sampled_from((b"", b"z"))),
)
Rows = dict[str, dict[Any, Any]]
Done = tuple[Table[Any, Any], Any, Any]
"""A table, a key, and the row that was put there; None: it was removed."""


@dataclass
class Block:
    """A block of the naive state: what was done in it, the rows after it; its digest once closed.

    marks: each savepoint, with how much was done by then.
    """

    num: int
    rows: Rows
    done: list[Done] = field(default_factory=list)
    marks: list[tuple[int, int]] = field(default_factory=list)
    digest: bytes = b""


def carry_out(done: list[Done], rows: Rows) -> Rows:
    """Return rows after what was done, in a copy."""
    after = copy.deepcopy(rows)
    for table, key, row in done:
        if row is None:
            del after[table.name][key]
        else:
            after[table.name][key] = row
    return after


class StateAndNaiveState(RuleBasedStateMachine):
    """history: the newest closed blocks, of which all but the first can be undone."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State(TABLES)
        empty: Rows = {table.name: {} for table in TABLES}
        self.history = [Block(0, empty, digest=self.state.digest)]
        self.at_hand: Block | None = None

    @property
    def rows(self) -> Rows:
        """Return the naive state's rows now."""
        return (self.at_hand or self.history[-1]).rows

    @precondition(lambda self: self.at_hand is None)
    @rule(skipped=st.integers(0, 2))
    def open(self, skipped: int) -> None:
        self.at_hand = Block(self.history[-1].num + 1 + skipped, copy.deepcopy(self.rows))
        self.state.open(self.at_hand.num)

    @precondition(lambda self: self.at_hand is not None)
    @rule(put=PUTS)
    def put(self, put: Done) -> None:
        self.state.put(*put)
        self._note(put)

    @precondition(lambda self: self.at_hand is not None)
    @rule(put=PUTS)
    def remove(self, put: Done) -> None:
        table, key, _ = put
        if key in self.rows[table.name]:
            self.state.remove(table, key)
            self._note((table, key, None))

    @precondition(lambda self: self.at_hand is not None)
    @rule()
    def savepoint(self) -> None:
        assert self.at_hand is not None
        self.at_hand.marks.append((self.state.savepoint(), len(self.at_hand.done)))

    @precondition(lambda self: self.at_hand is not None and self.at_hand.marks)
    @rule(data=st.data())
    def rollback(self, data: st.DataObject) -> None:
        block = self.at_hand
        assert block is not None
        mark, kept = data.draw(st.sampled_from(block.marks))
        taken = self.state.rollback(mark)
        back = [(table.name, key) for table, key, _ in reversed(block.done[kept:])]
        assert [(name, key) for name, key, _ in taken] == back
        del block.done[kept:]
        block.marks = [one for one in block.marks if one[1] <= kept]
        block.rows = carry_out(block.done, self.history[-1].rows)

    @precondition(lambda self: self.at_hand is not None)
    @rule(seed=st.sampled_from((b"", b"s", b"t")))
    def close(self, seed: bytes) -> None:
        block, parent = self.at_hand, self.history[-1]
        assert block is not None
        block.digest = self.state.close(seed)
        straight = State(TABLES)
        straight.open(parent.num)
        for table in TABLES:
            for key, row in parent.rows[table.name].items():
                straight.put(table, key, row)
        straight.close(b"")
        straight._digest = parent.digest
        straight.open(block.num)
        for table, key, row in block.done:
            if row is None:
                straight.remove(table, key)
            else:
                straight.put(table, key, row)
        assert straight.close(seed) == block.digest
        assert block.digest != parent.digest
        self.history.append(block)
        self.at_hand = None

    @precondition(lambda self: self.at_hand is not None)
    @rule()
    def abort(self) -> None:
        self.state.abort()
        self.at_hand = None

    @precondition(lambda self: self.at_hand is None and len(self.history) > 1)
    @rule()
    def undo(self) -> None:
        self.state.undo()
        self.history.pop()

    @precondition(lambda self: self.at_hand is None and len(self.history) > 1)
    @rule()
    def repeat(self) -> None:
        block, changed = self.history[-1], self.state.changed()
        self.state.undo()
        self.state.repeat(block.num, changed, block.digest)

    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        num = data.draw(st.integers(self.history[0].num, self.history[-1].num))
        self.state.commit(num)
        older = [i for i, block in enumerate(self.history) if block.num <= num]
        del self.history[: older[-1]]

    @rule(data=st.data())
    def image(self, data: st.DataObject) -> None:
        block = data.draw(st.sampled_from(self.history))
        assert self.state.image(block.num) == (block.rows, block.digest)

    @precondition(lambda self: self.at_hand is None)
    @rule()
    def load(self) -> None:
        head = self.history[-1]
        image, digest = self.state.image(head.num)
        packed = read_image(msgspec.msgpack.decode(msgspec.msgpack.encode(image)), TABLES)
        self.state = State(TABLES)
        self.state.load(packed, digest)
        self.history = [head]

    @rule(data=st.data(), put=PUTS)
    def row_after(self, data: st.DataObject, put: Done) -> None:
        table, key, _ = put
        block = data.draw(st.sampled_from(self.history))
        assert self.state.row_after(table, key, block.num) == block.rows[table.name].get(key)

    @invariant()
    def it_is_as_the_naive_one(self) -> None:
        for table in TABLES:
            assert dict(self.state.rows(table)) == self.rows[table.name]
        assert self.state.digest == self.history[-1].digest
        assert self.state.is_open is (self.at_hand is not None)

    def _note(self, done: Done) -> None:
        assert self.at_hand is not None
        self.at_hand.done.append(done)
        self.at_hand.rows = carry_out([done], self.at_hand.rows)


TestStateAndNaiveState = StateAndNaiveState.TestCase
TestStateAndNaiveState.settings = settings(max_examples=60, stateful_step_count=40)


@pytest.mark.long
class TestStateAndNaiveStateAtLength(StateAndNaiveState.TestCase):
    """The same, for longer."""

    settings = settings(max_examples=3_000, stateful_step_count=60)
