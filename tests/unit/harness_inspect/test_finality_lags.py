"""How many blocks later a block becomes final: as plans say, and as simulated by the rules.

That the formula is what the rules do, for every size: node_eosio/test_a13_lags.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.inspect.fields import InspectError
from harness.inspect.finality import finality, predicted_lag, question, quorum, simulated_lags
from node.chain.bitshares.finality import witnesses_needed


def simulated(profile: str, producers: int, turn: int | None, down: int = 0) -> tuple[int, int]:
    """Return the lowest and highest simulated lag in blocks."""
    asked = question(profile, producers, blocks_per_turn=turn, down=down)
    lags = [blocks for blocks, _ in simulated_lags(asked)]
    return min(lags), max(lags)


def predicted(profile: str, producers: int, turn: int | None, down: int = 0) -> tuple[int, int]:
    """Return the lowest and highest predicted lag in blocks."""
    found = predicted_lag(question(profile, producers, blocks_per_turn=turn, down=down))
    assert found is not None
    return found


@pytest.mark.parametrize(("producers", "turn", "lag"), [(1, 1, 1), (1, 12, 1), (21, 1, 29)])
def test_one_producer_and_one_block_a_turn_have_one_lag(
    producers: int, turn: int, lag: int
) -> None:
    assert simulated("eosio", producers, turn) == predicted("eosio", producers, turn) == (lag, lag)


@settings(max_examples=60)
@given(producers=st.integers(1, 21), turn=st.integers(1, 12), data=st.data())
def test_silent_producers_cost_no_block_until_too_many_stop_it(
    producers: int, turn: int, data: st.DataObject
) -> None:
    down = data.draw(st.integers(0, producers))
    asked = question("eosio", producers, blocks_per_turn=turn, down=down)
    if producers - down < quorum(asked):
        assert predicted_lag(asked) is None
        assert simulated_lags(asked) == []
    else:
        assert simulated("eosio", producers, turn, down) == predicted("eosio", producers, turn)


def test_the_longest_turns_that_upstreams_1024_counters_allow() -> None:
    assert simulated("eosio", 111, 14) == predicted("eosio", 111, 14)
    found = finality(question("eosio", 51, blocks_per_turn=31))
    assert found["predicted"] is None
    assert found["simulated"] is None
    assert found["verdict"] == "never final: nodes count confirmations of 1024 blocks only"


def test_the_answer_says_blocks_seconds_and_quorum() -> None:
    found = finality(question("eosio", 21))
    assert found["predicted"] == {"min": 325, "max": 336}
    assert found["simulated"] == {"min": 325, "max": 336, "mean": pytest.approx(330.5, abs=0.1)}
    assert found["seconds"] == {"min": 162.5, "max": 168.0, "mean": pytest.approx(165.2, abs=0.1)}
    assert found["quorum"] == 15
    assert found["verdict"] == "final: 21 of 21 sign, 15 are needed"


@pytest.mark.parametrize("profile", ["eosio", "bitshares"])
def test_seven_silent_of_21_are_never_final_and_six_only_take_longer(profile: str) -> None:
    found = finality(question(profile, 21, down=7))
    assert found["predicted"] is found["simulated"] is found["seconds"] is None
    assert found["verdict"] == "never final: 14 of 21 sign, 15 are needed"
    all_up, six_down = finality(question(profile, 21)), finality(question(profile, 21, down=6))
    assert isinstance(all_up["seconds"], dict)
    assert isinstance(six_down["seconds"], dict)
    assert six_down["seconds"]["mean"] > 1.3 * all_up["seconds"]["mean"]


@pytest.mark.parametrize("producers", [1, 2, 3, 4, 5, 7, 11, 21])
def test_bitshares_lags_stay_inside_the_bounds_with_and_without_silence(producers: int) -> None:
    tolerated = producers - quorum(question("bitshares", producers))
    for down in {0, tolerated}:
        least, most = predicted("bitshares", producers, None, down)
        low, high = simulated("bitshares", producers, None, down)
        assert least == low
        assert high <= most


def test_plans_count_on_the_quorum_that_the_rules_ask_for() -> None:
    for producers in range(1, 126):
        asked = question("bitshares", producers)
        assert quorum(asked) == witnesses_needed(producers)


@pytest.mark.parametrize(
    ("producers", "options", "word"),
    [
        (0, {}, "producers"),
        (126, {}, "producers"),
        (4, {"down": 5}, "down"),
        (4, {"blocks_per_turn": 0}, "blocks-per-turn"),
        (4, {"slot_ns": 0}, "slot"),
    ],
)
def test_an_impossible_question_is_one_line(
    producers: int, options: dict[str, int], word: str
) -> None:
    with pytest.raises(InspectError, match=f"^{word}: [^\n]+$"):
        question("eosio", producers, **options)


def test_a_witness_has_one_slot_at_a_time() -> None:
    with pytest.raises(InspectError, match=r"^blocks-per-turn: under bitshares"):
        question("bitshares", 4, blocks_per_turn=2)
