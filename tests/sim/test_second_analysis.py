"""A second analysis, from raw files and without the metrics room, finds what the summary says.

Every key of summary.json is compared, or stands with a reason in `NOT_FIGURES`.
"""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest

from metrics import build
from tests.sim.runs import meets, simulated
from tests.sim.second import summary
from tests.sim.second.agree import Near, disagreements
from tests.sim.second.finality import predicted
from tests.sim.second.record import Line, Second

CAMPAIGNS = (
    "smoke", "demo", "clocks", "restarts", "rack_safety", "bitshares", "all_restart",
    "all_restart_operator", "conflicting_finality", "setprods", "double_spend",
    "double_spend_eosio", "censors", "long_delays",
)  # fmt: skip
PASSING = ("clocks", "restarts", "all_restart_operator", "regions")
LONG_ONES = (
    "splits", "absent_producers", "participation", "bad_network", "conflicting_finality_locked",
    "late_handoff", "liars", "long_fork", "regions",
)  # fmt: skip
ELECTING = """
schema: slotlab.campaign/v1
title: accounts elect four of five, who set a fee and are paid; one is voted out while it is alone
seed: 5
chain:
  profile: eosio
  producers: 5
  blocks_per_turn: 2
  fio:
    {elected: 4, activation: 1000000, schedule_check_slots: 10, initial: system,
     fees: {median_votes: 3, fees: {transfer: 2000000}, fee_vote_pause: 1s, multiplier_pause: 1s},
     pay: {claim_pause: 2s, pot_least: 100000000000}}
load: {rate: 4/s, size: 256B}
warmup: 8s
cooldown: 30s
timeline:
  - {at: 10s, act: vote, by: usera, producers: [producera, producerb, producerc, producerd]}
  - {at: 16s, act: become_proxy, by: userc}
  - {at: 18s, act: proxy, by: userb, proxy: userc}
  - {at: 20s, act: set_fee_multiplier, by: producera, multiplier: 1000000}
  - {at: 20s, act: set_fee_multiplier, by: producerb, multiplier: 1000000}
  - {at: 20s, act: set_fee_multiplier, by: producerc, multiplier: 2000000}
  - {at: 22s, act: set_fee_vote, by: producera, fee_values: [{end_point: transfer, value: 3000000}]}
  - {at: 22s, act: set_fee_vote, by: producerb, fee_values: [{end_point: transfer, value: 1000000}]}
  - {at: 22s, act: set_fee_vote, by: producerc, fee_values: [{end_point: transfer, value: 2000000}]}
  - {at: 26s, act: compute_fees, by: usera}
  - {at: 27s, act: claim, by: usera, producer: producera}
  - {at: 28s, act: claim, by: usera, producer: producerb}
  - {at: 30s, act: vote, by: userc, producers: [producerb, producere]}
  - {id: alone, at: 50s, for: 10s, fault: partition, shape: [[n1, n2, n3, n5], [n4]]}
  - {at: 52s, act: vote, by: userd, producers: [producere, producera]}
  - {at: 54s, act: unregister, by: producerd}
"""
SLOW_BLOCKS = """
schema: slotlab.campaign/v1
title: a BitShares chain with a block each 5 of its seconds, ten times as fast, and maintenance
seed: 7
chain:
  profile: bitshares
  producers: 4
  slot: 500ms
  bitshares: {block_interval: 5s, maintenance_interval: 60s}
load: {rate: 10/s, size: 256B}
warmup: 10s
cooldown: 15s
timeline:
  - {at: 30s, for: 20s, fault: partition, shape: minority}
  - {at: 60s, fault: kill, on: one, restart_after: 5s}
"""
CHANGING = """
schema: slotlab.campaign/v1
title: blocks come eight times as slowly, from within the baseline on, and twice as fast again
seed: 11
chain:
  profile: bitshares
  producers: 4
  slot: 250ms
  bitshares:
    block_interval: 1s
    maintenance_interval: 40s
    committee: {review_period: 41s, max_proposal_lifetime: 600s}
    voting: {committee: [usera]}
load: {rate: 10/s, size: 256B}
warmup: 10s
cooldown: 15s
timeline:
  - {at: 12s, act: propose, by: usera, lifetime_s: 60,
     parameters: {block_interval_s: 8, maintenance_skip_slots: 0}}
  - {at: 12200ms, act: approve, by: usera, proposal: 0}
  - {at: 50s, for: 30s, fault: partition, shape: minority}
  - {at: 110s, fault: kill, on: one, restart_after: 5s}
  - {at: 130s, act: propose, by: usera, lifetime_s: 60,
     parameters: {block_interval_s: 4, maintenance_skip_slots: 2}}
  - {at: 130200ms, act: approve, by: usera, proposal: 1}
  - {at: 160s, for: 30s, fault: partition, shape: minority}
"""
STAKEHOLDERS = """
schema: slotlab.campaign/v1
title: stakeholders elect three of five witnesses and a committee of one, others outvote them
seed: 9
chain:
  profile: bitshares
  producers: 5
  slot: 1s
  bitshares:
    maintenance_interval: 10s
    maintenance_skip_slots: 1
    voting: {min_witness_count: 3, min_committee_count: 1}
load: {rate: 4/s, size: 256B}
warmup: 8s
cooldown: 20s
timeline:
  - {at: 12s, act: vote, by: usera, num_witness: 3, witnesses: [producera, producerb, producerc],
     num_committee: 1, committee: [producera]}
  - {at: 13s, act: vote, by: userb, proxy: usera}
  - {at: 34s, act: vote, by: userc, num_witness: 3, witnesses: [producerc, producerd, producere]}
  - {at: 35s, act: vote, by: userd, num_witness: 3, witnesses: [producerc, producerd, producere]}
  - {at: 36s, act: vote, by: usere, num_witness: 3, witnesses: [producerc, producerd, producere]}
  - {at: 30s, for: 10s, fault: delay, between: all, delay: 100ms, jitter: 20ms}
"""
RUNS = Path(__file__).resolve().parents[1] / "vectors" / "runs"
"""Raw files of runs, among them the demo on containers."""
FOLDER = Path(__file__).parent / "second"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [*CAMPAIGNS, *(pytest.param(name, marks=pytest.mark.long) for name in LONG_ONES)]
)
def test_both_analyses_agree_on_every_figure_of_a_shipped_campaign(
    name: str, tmp_path: Path
) -> None:
    done, told, run = simulated(name, tmp_path)
    assert told["invalid"] == []
    assert summary.compare(run, told) == []
    if name in PASSING:
        meets(done, told)


@pytest.mark.slow
def test_both_analyses_agree_on_elections_fees_and_pay(tmp_path: Path) -> None:
    campaign = tmp_path / "electing.yml"
    campaign.write_text(ELECTING)
    _, told, run = simulated(campaign, tmp_path)
    assert (told["invalid"], told["verdict"]) == ([], "pass")
    m = told["metrics"]
    assert m["schedule"]["active"] >= 2
    assert m["elections"]["voted"] + m["elections"]["proxied"] == 4
    assert (m["pay"]["payments"], m["pay"]["fee_changes"]) == (2, 1)
    assert summary.compare(run, told) == []


@pytest.mark.slow
def test_both_analyses_agree_on_what_stakeholders_of_bitshares_elect(tmp_path: Path) -> None:
    campaign = tmp_path / "stakeholders.yml"
    campaign.write_text(STAKEHOLDERS)
    _, told, run = simulated(campaign, tmp_path)
    assert (told["invalid"], told["notes"], told["verdict"]) == ([], [], "pass")
    m = told["metrics"]
    assert (m["elections"]["results"], m["elections"]["voted"], m["elections"]["proxied"]) == (
        3, 4, 1
    )  # fmt: skip
    (change,) = told["cells"][0]["trials"][0]["schedules"]["changes"][1:]
    assert (change["joined"], change["left"]) == (
        ["producerd", "producere"], ["producerb", "producera"]
    )  # fmt: skip
    assert summary.compare(run, told) == []


@pytest.mark.slow
def test_both_analyses_agree_where_slots_are_shorter_than_a_block_interval(tmp_path: Path) -> None:
    campaign = tmp_path / "slow_blocks.yml"
    campaign.write_text(SLOW_BLOCKS)
    _, told, run = simulated(campaign, tmp_path)
    assert (told["invalid"], told["verdict"]) == ([], "pass")
    assert told["metrics"]["slots"]["expected"] < told["metrics"]["irreversible"]["n1"] * 2
    assert summary.compare(run, told) == []


@pytest.mark.slow
def test_both_analyses_follow_the_block_interval_that_blocks_put_in_force(tmp_path: Path) -> None:
    campaign = tmp_path / "changing.yml"
    campaign.write_text(CHANGING)
    _, told, run = simulated(campaign, tmp_path)
    assert (told["invalid"], told["verdict"]) == ([], "pass")
    lag = told["prediction"]["finality_lag_blocks"]
    latency = {"min": lag["min"] * 0.25, "max": lag["max"] * 2.0}
    assert told["prediction"]["finality_latency_s"] == latency
    assert told["metrics"]["slots"]["late"] == 0
    assert summary.compare(run, told) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.parent.name for path in RUNS.glob("*/plan.json")))
def test_both_analyses_agree_on_every_figure_of_a_recorded_run(name: str, tmp_path: Path) -> None:
    run = tmp_path / name
    shutil.copytree(RUNS / name, run)
    told = json.loads(json.dumps(build.build(run, lambda _: None)))
    assert told["invalid"] == []
    assert summary.compare(run, told) == []


def test_the_second_analysis_uses_nothing_of_the_first() -> None:
    nodes = [node for path in FOLDER.glob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    imported = [n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)]
    imported += [alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names]
    assert len(imported) > 5
    assert [name for name in imported if name.split(".")[0] in ("metrics", "node", "harness")] == []


def test_a_figure_that_nobody_computes_again_is_a_disagreement() -> None:
    told = {"n": 3, "new": {"figure": 1}, "title": "words"}
    assert disagreements(told, {"n": 3}, {"/title": "words"}) == [
        "/new: nobody computes it again: {'figure': 1}"
    ]
    assert disagreements({"n": 3}, {"n": Near(1, 2), "m": 1}, {}) == [
        "/m: missing, the second analysis says 1",
        "/n: 3, the second analysis: Near(low=1, high=2)",
    ]


def test_the_last_host_healed_no_earlier_than_any_did_each_on_its_own_clock() -> None:
    def entry(host: str, first: float, last: float) -> Line:
        t_ns = round(last * 1e9)
        between = [round(first * 1e9), t_ns]
        return {"host": host, "fault": "cut", "state": "healed", "t_ns": t_ns,
                "mono_ns": t_ns + 5_000_000_000, "between_ns": between}  # fmt: skip

    journal = [entry("a", 24.003, 24.016), entry("b", 24.0, 24.017), entry("c", 23.9, 23.916)]
    started = {"a": 0.0, "b": 0.0, "c": 0.1}
    line = {host: (5_000_000_000, late * 1e9, 1.0) for host, late in started.items()}
    s = Second({}, {}, {}, Path(), journal=journal, line=line)
    assert s.healed({"id": "cut", "end_ns": 0}) == pytest.approx((24.0095, 24.003, 24.017))
    journal[2] |= {"host": "provider", "between_ns": [24_001_000_000, 24_020_000_000]}
    assert s.healed({"id": "cut", "end_ns": 0}) == pytest.approx((24.0105, 24.003, 24.02))
    assert s.healed({"id": "other", "end_ns": 24_000_000_000}) == (24.0, 24.0, 24.0)


@pytest.mark.parametrize(
    ("profile", "producers", "turn", "lag"),
    [
        ("eosio", 21, 12, (325, 336)), ("eosio", 4, 12, (37, 48)), ("eosio", 2, 12, (13, 24)),
        ("eosio", 4, 2, (7, 8)), ("bitshares", 4, 1, (2, 4)),
    ],
)  # fmt: skip
def test_the_lag_that_the_rules_predict_is_that_of_the_protocol(
    profile: str, producers: int, turn: int, lag: tuple[int, int]
) -> None:
    assert predicted(profile, producers, turn) == lag
