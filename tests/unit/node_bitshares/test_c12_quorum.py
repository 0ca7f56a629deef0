"""C.12 and B17: when a committee has agreed, against a recount with fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.bitshares.contracts.committee.expiry import approving
from node.chain.bitshares.contracts.committee.quorum import agreed, heads_needed
from node.chain.bitshares.contracts.committee.rows import Proposal
from node.chain.bitshares.contracts.voting.rows import ActiveCommittee
from tests.unit.node_bitshares.proposing import FIRST_PARAMETERS

NAMES = tuple("abcdefghijk")
WEIGHTS = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 65_535))
SOME = st.frozensets(st.sampled_from(NAMES))


def committee_of(weights: dict[str, int]) -> ActiveCommittee:
    """Return the committee with those weights, as graphene's threshold is made of them."""
    return ActiveCommittee(
        active=tuple(weights),
        members=tuple(weights.items()),
        threshold=sum(weights.values()) // 2 + 1,
    )


@given(WEIGHTS, SOME)
def test_by_stake_more_than_half_of_the_committees_weight_must_agree(
    weights: dict[str, int], names: frozenset[str]
) -> None:
    committee, total = committee_of(weights), sum(weights.values())
    share = sum((Fraction(weights.get(name, 0), total) for name in names if total), Fraction(0))
    found = agreed("stake", committee.members, committee.threshold, names)
    assert found == (share > Fraction(1, 2))


@given(WEIGHTS, SOME)
def test_by_heads_more_than_two_thirds_of_the_members_must_agree(
    weights: dict[str, int], names: frozenset[str]
) -> None:
    committee = committee_of(weights)
    heads = len(names & weights.keys())
    found = agreed("head_count", committee.members, committee.threshold, names)
    assert found == (bool(weights) and 3 * heads > 2 * len(weights))


@pytest.mark.parametrize(("count", "needed"), [(1, 1), (3, 3), (4, 3), (11, 8), (21, 15)])
def test_how_many_heads_are_needed(count: int, needed: int) -> None:
    assert heads_needed(count) == needed


@given(WEIGHTS, SOME, SOME, SOME)
def test_who_left_the_committee_counts_no_more_and_a_key_counts_for_who_has_it(
    weights: dict[str, int], by_name: frozenset[str], by_key: frozenset[str],
    changed: frozenset[str],
) -> None:  # fmt: skip
    before = {name: name.encode() for name in NAMES}
    now = before | {name: b"new" + name.encode() for name in changed}
    row = Proposal(
        proposer="a", parameters=FIRST_PARAMETERS, expires_s=9, review_s=3,
        approvals=tuple(sorted(by_name)), keys=tuple(sorted(before[name] for name in by_key)),
    )  # fmt: skip
    found = approving(row, committee_of(weights), now)
    assert set(found) == weights.keys() & (by_name | by_key - changed)
    assert len(found) == len(set(found))
