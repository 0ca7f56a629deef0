"""Elections of BitShares on the campaign that ships: who votes for whom is who produces."""

from __future__ import annotations

from pathlib import Path

import pytest

from node import events
from tests.sim.runs import facts, meets, simulated
from tests.sim.second import summary

pytestmark = pytest.mark.slow

NEWCOMER = """
schema: slotlab.campaign/v1
title: a newcomer and another key
seed: 3
chain:
  profile: bitshares
  producers: 3
  slot: 500ms
  spare_keys: {n2: [spare]}
  bitshares: {block_interval: 1s, maintenance_interval: 24s, maintenance_skip_slots: 0}
expect: {always: [headers_valid, same_state_digest, finality_resumes]}
warmup: 5s
cooldown: 12s
timeline:
  - {at: 6s, act: create_witness, by: userc, key: userc}
  - {at: 6s, act: update_witness, by: producerb, key: spare}
  - {at: 7s, act: vote, by: userc, witnesses: [userc, producera, producerb], num_witness: 3}
  - {id: slow, at: 30s, for: 5s, fault: delay, between: all, delay: 30ms}
"""
SKIPPING = """
schema: slotlab.campaign/v1
title: maintenance leaves more slots to nobody than finality may stand still
seed: 3
chain:
  profile: bitshares
  producers: 4
  slot: 1s
  bitshares: {maintenance_interval: 60s, maintenance_skip_slots: 40}
expect: {always: [finality_resumes]}
warmup: 5s
cooldown: 100s
timeline:
  - {id: slow, at: 80s, for: 5s, fault: delay, between: all, delay: 30ms}
"""
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


def test_a_newcomer_produces_on_the_host_that_has_its_key_and_another_key_costs_no_slot(
    tmp_path: Path,
) -> None:
    path = tmp_path / "newcomer.yml"
    path.write_text(NEWCOMER)
    done, told, _ = simulated(str(path), tmp_path)
    meets(done, told)
    slots = told["metrics"]["slots"]
    assert slots["missed"] == 0
    assert set(slots["by_producer"]) == {A, B, C, "userc"}
    assert slots["by_producer"][B]["produced"] > slots["by_producer"][C]["produced"]


def test_slots_that_maintenance_skips_are_no_standstill_of_finality(tmp_path: Path) -> None:
    path = tmp_path / "skipping.yml"
    path.write_text(SKIPPING)
    done, told, run = simulated(str(path), tmp_path)
    meets(done, told)
    slots = told["metrics"]["slots"]
    assert (slots["missed"], slots["unknown"]) == (0, 0)
    assert summary.compare(run, told) == []
