"""Whose turn it is: held against the arithmetic written down plainly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.inspect.fields import InspectError
from harness.inspect.turns import bitshares_order, eosio_turn
from tests.unit.node_bitshares.test_c4_shuffle import by_the_book


@given(count=st.integers(1, 150), head_time_s=st.integers(0, 2**32 - 1))
def test_the_order_of_witnesses_is_the_formulas(count: int, head_time_s: int) -> None:
    found = bitshares_order(str(count), str(head_time_s))
    assert found["order"] == by_the_book(count, head_time_s)


def test_a_time_in_words_and_ids_give_the_same_order() -> None:
    seconds = 1_444_745_544
    positions = bitshares_order("4", str(seconds))["order"]
    ids = [10, 20, 30, 40]
    found = bitshares_order("1.6.40, 1.6.10,1.6.30,1.6.20", "2015-10-13T14:12:24")
    assert found["head_time"] == seconds
    assert isinstance(positions, list)
    assert found["order"] == [f"1.6.{ids[i]}" for i in positions]


def test_eosio_turns_are_absolute_and_alphabetical() -> None:
    # 1000 slots of 3 * 12 begin a round at 36_000.
    for slot in range(36_000, 36_036):
        found = eosio_turn(["carol", "alice", "bob"], 12, slot)
        turn = (slot - 36_000) // 12
        assert found["producer"] == ["alice", "bob", "carol"][turn]
        assert found["next_producer"] == ["bob", "carol", "alice"][turn]
        assert found["position"] == slot % 12
        assert found["turn"] == {"first_slot": 36_000 + 12 * turn, "last_slot": 36_011 + 12 * turn}
    assert eosio_turn(["a"], 1, 1)["time"] == "2000-01-01T00:00:00.500"


def test_digits_come_before_letters_as_names_are_numbers() -> None:
    assert eosio_turn(["b", "a", "a1", "5"], 2, 0)["order"] == ["5", "a", "a1", "b"]


@pytest.mark.parametrize(
    ("producers", "turn", "slot", "word"),
    [
        (["a", "a"], 12, 0, "producers"),
        (["a", ""], 12, 0, "producers"),
        (["A"], 12, 0, "producers"),
        (["a"], 0, 0, "blocks-per-turn"),
        (["a"], 1, 1 << 32, "slot"),
    ],
)
def test_an_impossible_turn_is_one_line(
    producers: list[str], turn: int, slot: int, word: str
) -> None:
    with pytest.raises(InspectError, match=f"^{word}: [^\n]+$"):
        eosio_turn(producers, turn, slot)


@pytest.mark.parametrize(
    ("witnesses", "head_time", "word"),
    [
        ("0", "0", "witnesses"),
        ("9" * 30, "0", "witnesses"),
        ("1.6.1,1.6.1", "0", "witnesses"),
        ("1.6.1,,", "0", "witnesses"),
        ("4", "-1", "head-time"),
        ("4", "99999999999", "head-time"),
        ("4", "2015-10-13T14:12:24.5", "head-time"),
    ],
)
def test_an_impossible_order_is_one_line(witnesses: str, head_time: str, word: str) -> None:
    with pytest.raises(InspectError, match=f"^{word}: [^\n]+$"):
        bitshares_order(witnesses, head_time)
