"""C.12: changes that every chain refuses are known before there is a chain, and no others are."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from node.chain.bitshares.contracts.committee.parameter_changes import ParameterChanges
from tests.unit.node_bitshares.proposing import FIRST_PARAMETERS

SOME: dict[str, st.SearchStrategy[int]] = {
    "block_interval_s": st.integers(0, 31),
    "maintenance_interval_s": st.integers(0, 40),
    "maintenance_skip_slots": st.integers(0, 1000),
    "review_period_s": st.integers(0, 60),
    "max_block_bytes": st.sampled_from((0, 1023, 1024, 1 << 20, 1 << 21, 1 << 32)),
    "max_proposal_lifetime_s": st.sampled_from((0, 3, 20, 70, 200, (1 << 32) - 1, 1 << 32)),
    "max_witness_count": st.sampled_from((0, 1, 1001, 1002)),
    "network_percent": st.sampled_from((0, 10_000, 10_001)),
    "witness_pay_per_block": st.sampled_from((0, (1 << 62) - 1, 1 << 62)),
}
VALUES = st.fixed_dictionaries({}, optional=SOME)


@given(before=VALUES, changes=VALUES)
def test_what_some_chain_can_have_is_not_refused_whatever_the_chain(
    before: dict[str, Any], changes: dict[str, Any]
) -> None:
    base = msgspec.structs.replace(FIRST_PARAMETERS, **before)
    if base.problem() is not None:
        base = FIRST_PARAMETERS
    asked = ParameterChanges(**changes)
    if changes and asked.made_of(base).change_problem(base) is None:
        assert asked.problem() is None


@given(values=VALUES)
def test_a_full_set_is_refused_as_such_or_may_be_proposed(values: dict[str, Any]) -> None:
    full = msgspec.structs.asdict(msgspec.structs.replace(FIRST_PARAMETERS, **values))
    said = {name: value for name, value in full.items() if name != "fees"}
    found = ParameterChanges(**said).problem()
    made = msgspec.structs.replace(FIRST_PARAMETERS, **values)
    assert (found is None) == (made.problem() is None)
