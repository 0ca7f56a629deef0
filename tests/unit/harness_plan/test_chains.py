"""A plan of several chains: each cell its own, all with the same hosts, draws, faults and times."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.campaign import campaign_file
from harness.campaign.campaign_file import CampaignFile
from harness.plan import planner
from metrics.model.plan import Bounds, Finality, Plan, decode, encode
from node.chain.genesis import decode as genesis_of
from tests.unit.harness_plan.builders import file, files_of, lab

TEXT = """
schema: slotlab.campaign/v1
title: two systems
seed: 3
matrix: {by: [0ms, 10ms], profile: [eosio, bitshares]}
chain: {profile: "${profile}", producers: 10, slot: 500ms, blocks_per_turn: 2,
  bitshares: {block_interval: 1s}}
trials: {repeat: 2}
timeline:
  - {at: 30s, for: 5s, fault: clock_step, on: one, by: "${by}"}
  - {at: 60s, for: 5s, fault: partition, shape: minority}
  - {at: 90s, fault: kill, on: f}
"""


def planned(text: str = TEXT) -> Plan:
    """Return the plan of that campaign."""
    return planner.build(parsed(text), lab(10))


def parsed(text: str) -> CampaignFile:
    """Return that campaign."""
    return campaign_file.parse(text, Path("test.yml"))


def test_each_cell_has_its_own_chain_and_the_first_one_is_that_of_the_plan() -> None:
    made = planned()
    assert decode(encode(made)) == made
    chains = [made.in_cell(cell) for cell in made.cells]
    assert [(c.profile, c.blocks_per_turn, c.slot_ns, c.bitshares is None) for c in chains] == [
        ("eosio", 2, 500_000_000, True), ("bitshares", 1, 500_000_000, False),
    ] * 2  # fmt: skip
    assert [cell.chain is None for cell in made.cells] == [True, False, True, False]
    assert [c.finality for c in chains[:2]] == [
        Finality(stages=2, quorum=7, by_scheduled=[1, 2, 3, 3, 4, 5, 5, 6, 7, 7]),
        Finality(stages=1, quorum=7, by_scheduled=[1, 2, 3, 3, 4, 5, 5, 6, 7, 7]),
    ]  # fmt: skip
    assert [c.prediction.finality_lag_blocks for c in chains[:2]] == [
        Bounds(min=23, max=24), Bounds(min=6, max=12),
    ]  # fmt: skip
    assert [made.of(trial).profile for trial in made.trials] == [
        made.in_cell(made.cells[trial.cell - 1]).profile for trial in made.trials
    ]


def test_cells_that_differ_in_their_chain_alone_have_the_same_draws_faults_and_phases() -> None:
    made = planned()
    by_cell = {
        n: sorted((t.seed, t.faults, t.phases) for t in made.trials if t.cell == n)
        for n in (1, 2, 3, 4)
    }
    assert by_cell[1] == by_cell[2]
    assert by_cell[3] == by_cell[4]
    assert by_cell[1] != by_cell[3]
    assert len({trial.seed for trial in made.trials}) == 4


def test_what_is_waited_for_is_what_the_slowest_chain_needs() -> None:
    slow, fast = 24 * 500_000_000, 12 * 500_000_000
    assert planned().warmup_ns == 2 * slow
    alone = planned(TEXT.replace("[eosio, bitshares]", "[bitshares]"))
    assert alone.warmup_ns == 2 * fast
    assert alone.prediction.finality_lag_blocks.max * alone.slot_ns == fast


def test_a_trial_begins_with_the_genesis_of_its_cell(tmp_path: Path) -> None:
    made = planned()
    for trial in made.trials[:4]:
        own = msgspec.structs.replace(made, trials=[trial])
        text = next(iter(files_of(own, tmp_path).by_host.values()))["genesis.json"]
        assert genesis_of(text.encode()).profile == made.of(trial).profile


def test_a_plan_of_one_chain_says_nothing_of_another() -> None:
    made = planner.build(file(more="matrix: {rate: [1/s, 2/s]}\nload: {rate: '${rate}'}"), lab())
    assert [cell.chain for cell in made.cells] == [None, None]
    assert len({trial.seed for trial in made.trials}) == 2


ELECTING = """
schema: slotlab.campaign/v1
title: four of six are elected
seed: 3
chain: {profile: eosio, producers: 6, slot: 500ms, blocks_per_turn: 2,
  fio: {elected: 4, activation: 1000000, schedule_check_slots: 10, initial: system}}
safety: {max_unreachable: 5}
timeline:
  - {id: spared, at: 40s, for: 5s, fault: partition, shape: minority}
  - {id: gone, at: 60s, for: 5s, fault: pause, on: f+1}
"""


def test_selectors_reckon_with_a_full_schedule_whoever_of_the_others_is_in_it() -> None:
    made = planner.build(parsed(ELECTING), lab(6))
    assert (made.quorum, made.schedule_size, len(made.producers)) == (3, 4, 6)
    spared, gone = made.trials[0].faults
    assert [len(group) for group in spared.groups or []] == [1, 5]
    assert len(gone.targets) == 4  # Two of them may have no slots.


def test_the_plan_predicts_the_lag_of_fewer_producers_too() -> None:
    found = planner.build(parsed(ELECTING), lab(6)).prediction
    assert found.finality_lag_blocks == found.lag_of(4) == Bounds(min=7, max=8)
    assert [found.lag_of(n).max for n in range(1, 7)] == [each.max for each in found.by_scheduled]
    assert found.lag_of(1).max < found.lag_of(3).max <= found.lag_of(6).max
