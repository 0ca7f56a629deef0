"""C.4 from a liar's side: by how much it moves the block that ends a round."""

from __future__ import annotations

from typing import Any

import pytest

from node.byzantine.rounds import lucky_delay
from node.chain.bitshares.witness_state import WitnessState
from node.chain.model.bitshares_rules import RandomRules
from tests.unit.node_bitshares.world import after, bitshares_profile, full

WITNESSES, INTERVAL_S = 5, 5


def ended(blocks: int, **options: Any) -> tuple[WitnessState, WitnessState]:
    """Return the states before and after the last of so many blocks, one in each slot."""
    first = bitshares_profile(
        WITNESSES, interval_s=INTERVAL_S, maintenance_interval_s=86_400, **options
    ).genesis_state
    parent = full(first, blocks - 1)
    return parent, after(parent, parent.next_slot)


def ends_next(state: WitnessState) -> str:
    """Return whose the last slot of the round after state is."""
    slot = state.next_slot + (WITNESSES - 1) * INTERVAL_S
    return state.producer_for(slot).name


@pytest.mark.parametrize("rounds", range(1, 13))
@pytest.mark.parametrize("is_strict", [True, False])
def test_the_first_time_that_lets_a_witness_end_the_next_round_is_chosen(
    rounds: int, is_strict: bool
) -> None:
    """Held against the states that blocks of each of these times really make."""
    parent, made = ended(rounds * WITNESSES, strict_slot_alignment=is_strict)
    if is_strict:
        others = {INTERVAL_S: after(parent, parent.next_slot + INTERVAL_S)}
    else:
        others = {
            late_s: after(parent, parent.next_slot, late_s=late_s)
            for late_s in range(1, INTERVAL_S)
        }
    last = {0: ends_next(made)} | {late_s: ends_next(state) for late_s, state in others.items()}
    for name in made.schedule:
        lucky = [late_s for late_s, found in last.items() if found == name]
        assert lucky_delay(parent, made, (name,)) == (lucky[0] if lucky else 0)


@pytest.mark.parametrize(
    ("blocks", "options"),
    [(WITNESSES + 1, {}), (2 * WITNESSES, {"random": RandomRules(on=True, shuffle="turns")})],
)
def test_nothing_moves_inside_a_round_nor_where_random_numbers_make_the_order(
    blocks: int, options: dict[str, Any]
) -> None:
    parent, made = ended(blocks, strict_slot_alignment=False, **options)
    assert {lucky_delay(parent, made, (name,)) for name in made.schedule} == {0}
