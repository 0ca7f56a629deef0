"""BitShares in campaigns: defaults, refusals, the plan's quorum and lag, the genesis it gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.campaign import campaign_file
from harness.errors import CampaignError, PlanError
from harness.plan import planner
from metrics.model.plan import Asset, Bounds, decode, encode
from node.chain import genesis as genesis_file
from node.chain.model.codec import MAX_BLOCK_BYTES
from node.chain.profiles import build
from tests.unit.harness_plan.builders import files_of, lab
from tests.unit.harness_plan.shipping import shipped

SHIPPED = Path(__file__).resolve().parents[3] / "harness" / "campaigns"
NOTES = "bitshares: {hard_forks: {notes: 60s}}"
HEAD = "schema: slotlab.campaign/v1\ntitle: a test\nchain: {profile: bitshares, %s}\n"


def parsed(chain: str) -> campaign_file.CampaignFile:
    """Return a campaign with such a chain."""
    return campaign_file.parse(HEAD % chain, Path("test.yml"))


def test_a_bitshares_slot_is_5_s_and_a_turn_one_block_unless_said_otherwise() -> None:
    chain = parsed("producers: 4").common.chain
    assert (chain.slot, chain.blocks_per_turn) == (5_000_000_000, 1)


@pytest.mark.parametrize(
    ("chain", "key"),
    [
        ("slot: 500ms", "bitshares.block_interval"),
        ("slot: 31s", "slot must be 1s to 30s"),
        ("blocks_per_turn: 2", "blocks_per_turn"),
        ("lock_on_proposed: true", "lock_on_proposed"),
        ("processing: 100ms", "processing is for profile eosio"),
        ("slot: 7s, bitshares: {maintenance_interval: 5s}", "maintenance_interval"),
        ("slot: 50ms, bitshares: {block_interval: 10s}", "slot must let each second of"),
        ("slot: 100ms, bitshares: {block_interval: 3s}", "slot must let each second of"),
        ("bitshares: {fork_choise: longest}", "fork_choice"),
    ],
)
def test_what_the_profile_cannot_do_is_refused_with_the_remedy(chain: str, key: str) -> None:
    with pytest.raises(CampaignError, match=key):
        parsed(chain)


def test_options_of_the_other_profile_are_refused() -> None:
    text = HEAD.replace("profile: bitshares, %s", "bitshares: {undo_limit: 50}")
    with pytest.raises(CampaignError, match="profile bitshares"):
        campaign_file.parse(text, Path("test.yml"))


@pytest.mark.parametrize(
    ("producers", "lag"), [(4, (2, 4)), (21, (14, 28)), (11, (7, 14)), (1, (0, 0))]
)
def test_the_plan_predicts_the_lag_of_one_stage(producers: int, lag: tuple[int, int]) -> None:
    made = planner.build(parsed(f"producers: {producers}, slot: 1s"), lab())
    predicted = made.prediction.finality_lag_blocks
    assert (predicted.min, predicted.max) == lag


def test_quorum_and_selectors_count_as_the_profile_does() -> None:
    made = planner.build(parsed("producers: 13, slot: 1s"), lab(13))
    assert (made.finality.stages, made.finality.quorum) == (1, 10)  # eosio: 2 stages, 9
    assert made.trials[0].quorum[0].needed == 10


def test_the_plan_says_in_what_amounts_are_told() -> None:
    assert planner.build(parsed("slot: 1s"), lab()).asset == Asset(name="BTS", digits=5)


def test_a_trials_genesis_starts_a_bitshares_chain(tmp_path: Path) -> None:
    options = "slot: 200ms, bitshares: {block_interval: 1s, fork_choice: participation}"
    made = planner.build(parsed(options), lab())
    assert decode(encode(made)) == made
    t0_ns = 1_795_000_000_000_000_000
    files = files_of(made, tmp_path, t0_ns=t0_ns)
    genesis = genesis_file.decode(files.by_host["n1"]["genesis.json"].encode())
    profile = build(genesis)
    assert profile.name == "bitshares"
    assert profile.chain_id.hex() == files.chain_id
    assert profile.clock.time_ns(profile.genesis_state.next_slot) == t0_ns
    assert genesis.bitshares is not None
    assert genesis.bitshares.fork_choice == "participation"
    assert genesis.bitshares.block_interval_s == 1


@pytest.mark.parametrize(
    ("options", "interval_s", "second_ns"),
    [
        ("producers: 4", 5, 1_000_000_000),
        ("slot: 30s", 30, 1_000_000_000),
        ("slot: 1s", 1, 1_000_000_000),
        ("slot: 200ms, bitshares: {block_interval: 1s}", 1, 200_000_000),
        ("slot: 500ms, bitshares: {block_interval: 5s}", 5, 100_000_000),
    ],
)
def test_a_slot_of_the_chain_is_one_of_its_seconds_and_blocks_come_each_interval(
    tmp_path: Path, options: str, interval_s: int, second_ns: int
) -> None:
    made = planner.build(parsed(options), lab())
    assert (made.slot_ns, made.interval_slots) == (second_ns, interval_s)
    assert made.round_slots == len(made.producers) * interval_s
    t0_ns = 1_795_000_200_000_000_000
    files = files_of(made, tmp_path, t0_ns=t0_ns)
    state = build(genesis_file.decode(files.by_host["n1"]["genesis.json"].encode())).genesis_state
    first = state.next_slot
    assert first == state.slot + 1
    named = [k for k in range(3 * interval_s) if state.producer_for(first + k).name]
    assert named == [0, interval_s, 2 * interval_s]


def test_the_shipped_campaign_expects_what_the_plan_predicts() -> None:
    file = campaign_file.load(SHIPPED / "bitshares.yml")
    made = planner.build(file, lab())
    assert made.prediction.finality_lag_blocks == Bounds(min=2, max=4)
    assert {fault.fault for fault in made.trials[0].faults} == {
        "delay", "partition", "clock_step", "kill",
    }  # fmt: skip


def test_with_fewer_witnesses_than_candidates_quorum_and_lag_are_theirs() -> None:
    chain = "producers: 7, slot: 1s, bitshares: {voting: {min_witness_count: 5}}"
    made = planner.build(parsed(chain), lab(7))
    assert (made.schedule_size, made.quorum) == (5, 4)
    assert made.prediction.finality_lag_blocks == made.prediction.lag_of(5) == Bounds(min=3, max=6)


def test_what_operators_stand_for_is_in_their_nodes_configurations_and_the_plan_says_it(
    tmp_path: Path,
) -> None:
    forks = f"slot: 1s, {NOTES}"
    stands = "supports: {n1: [], n2: [notes]}, urgent: {n3: [notes]}"
    made = planner.build(parsed(f"producers: 4, {forks}, {stands}"), lab())
    genesis, configs = shipped(made, tmp_path)
    assert genesis.bitshares is not None
    assert genesis.bitshares.hard_forks.times == {1: 60}
    found = {host: (each.supports, each.urgent) for host, each in sorted(configs.items())}
    assert list(found.values())[:4] == [
        ([], []), (["notes"], []), (None, ["notes"]), (None, []),
    ]  # fmt: skip
    everywhere = planner.build(parsed(f"producers: 4, {forks}, urgent: [notes]"), lab())
    assert set(everywhere.urgent) == {host.host for host in everywhere.hosts}


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        (f"{NOTES}, supports: {{n9: [notes]}}", "test.yml: chain.supports: no host n9 in the lab"),
        (f"{NOTES}, urgent: {{n9: [notes]}}", "test.yml: chain.urgent: no host n9 in the lab"),
        ("supports: {n1: [nots]}", "test.yml: chain.supports.n1[0]: 'nots' is not known"),
        ("urgent: [nots]", "test.yml: chain.urgent"),
        ("urgent: {n1: notes}", "test.yml: chain.urgent.n1: 'notes' is not a list"),
        ("urgent: {n1: [nots]}", "test.yml: chain.urgent.n1[0]: 'nots' is not known"),
        ("urgent: 5", "test.yml: chain.urgent: 5 is not a list"),
        (
            "urgent: [notes]",
            "test.yml: chain: urgent: notes is turned off in this chain; write bitshares.hard_",
        ),
        ("urgent: {n1: [notes]}", "test.yml: chain: urgent: notes is turned off in this chain; "),
        ("supports: {n1: [notes]}", "test.yml: chain: supports: notes is turned off in this "),
        ("bitshares: {hard_forks: {nots: 60s}}", "test.yml: chain.bitshares.hard_forks.nots"),
        (
            "bitshares: {hard_forks: {notes: -1s}}",
            "test.yml: chain.bitshares.hard_forks.notes: -1s",
        ),
        (
            "bitshares: {random: {shuffle: turns}}",
            "test.yml: chain.bitshares.random: shuffle: turns",
        ),
    ],
)
def test_hard_forks_and_shuffles_that_cannot_be_are_refused_in_a_line(
    chain: str, message: str
) -> None:
    with pytest.raises((PlanError, CampaignError)) as caught:
        planner.build(parsed(f"producers: 4, slot: 1s, {chain}"), lab())
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("lifetime_s: 0, parameters: {block_interval_s: 3}", "lifetime_s: must be 1..4294967295"),
        (
            "lifetime_s: 90, review_period_s: 90, parameters: {block_interval_s: 3}",
            "review_period_s: must be 1 or more, below lifetime_s",
        ),
        ("lifetime_s: 90, parameters: {}", "parameters: nothing would change; name a parameter"),
        (
            "lifetime_s: 90, parameters: {network_percent: 10001}",
            "parameters: network_percent and pay_percent must be 0..10000",
        ),
        (
            "lifetime_s: 90, parameters: {max_block_bytes: 5}",
            "parameters: max_block_bytes must be 1024 or more",
        ),
        (
            "lifetime_s: 90, parameters: {max_block_bytes: 4000000000}",
            f"parameters: max_block_bytes must be {MAX_BLOCK_BYTES} or less",
        ),
        (
            "lifetime_s: 90, parameters: {maintenance_interval_s: 60, review_period_s: 60}",
            "parameters: review_period_s must be more than maintenance_interval_s",
        ),
        (
            "lifetime_s: 90, parameters: {pay_mode: whatever}",
            "parameters: pay_mode must be fixed_per_block or percent_of_fees",
        ),
        (
            "lifetime_s: 90, parameters: {fees: [{operation: transfers, amount: 1}]}",
            "parameters: fees: transfers is no operation; known are approve, claim, ",
        ),
        (
            "lifetime_s: 90, parameters: {fees: [{operation: vote, amount: 1}, "
            "{operation: vote, amount: 2}]}",
            "parameters: fees: vote is there twice; keep one",
        ),
    ],
)
def test_a_proposal_that_no_chain_can_have_is_refused_before_there_is_one(
    asked: str, message: str
) -> None:
    entry = f"{{at: 20s, act: propose, by: usera, {asked}}}"
    text = f"{HEAD % 'producers: 4, slot: 1s'}timeline: [{entry}]\n"
    with pytest.raises(CampaignError) as caught:
        campaign_file.parse(text, Path("test.yml"))
    assert str(caught.value).startswith(f"test.yml: timeline[0].{message}")
    assert "\n" not in str(caught.value)
