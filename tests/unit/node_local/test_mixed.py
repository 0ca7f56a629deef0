"""What is mixed into a load can be drawn, and each campaign may name just that."""

from __future__ import annotations

from node.chain import profiles
from node.chain.encoding.written import by_word
from node.events.load_shape import MIXABLE
from node.local.mixed import DRAWN


def test_each_operation_that_may_be_mixed_in_is_one_of_its_system_and_drawn() -> None:
    assert {system: tuple(sorted(words)) for system, words in DRAWN.items()} == MIXABLE
    for system, words in MIXABLE.items():
        assert set(words) <= by_word(profiles.SYSTEMS[system].operations).keys()
