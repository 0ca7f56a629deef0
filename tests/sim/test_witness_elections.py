"""Elections of BitShares on the campaign that ships: who votes for whom is who produces."""

from __future__ import annotations

from pathlib import Path

import pytest

from node import events
from tests.sim.runs import facts, meets, simulated
from tests.sim.second import summary

pytestmark = pytest.mark.slow

A, B, C, D, E = (f"producer{letter}" for letter in "abcde")


def test_a_campaign_of_elections_meets_what_it_expects_and_both_analyses_agree(
    tmp_path: Path,
) -> None:
    done, told, run = simulated("witness_election", tmp_path)
    meets(done, told)
    assert summary.compare(run, told) == []


def test_witnesses_are_elected_by_votes_and_proxies_and_never_even_in_number() -> None:
    found: list[list[str]] = []
    for told in facts("witness_election", events.WitnessesElected):
        if found[-1:] != [told.witnesses]:
            found.append(told.witnesses)
    assert found == [[A, B, C], [A, B, E, C, D], [A, B, E]]


def test_the_committee_is_elected_apart_and_weighs_by_its_votes() -> None:
    last = facts("witness_election", events.CommitteeElected)[-1]
    assert (last.members, last.out) == (["userb", "usera", A], {"userc": "no_votes"})
    assert last.weights == {"userb": 44_703, "usera": 29_802, A: 14_901}
    assert last.threshold == (44_703 + 29_802 + 14_901) // 2 + 1
