"""`slotlab run CAMPAIGN --lab sim`: the same files as a real lab's, the same bytes each time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.campaign import campaign_file
from harness.plan import planner
from harness.plan.lab_view import simulated
from harness.sim.campaign import simulate, world_of
from harness.sim.faults import schedule
from metrics.model.plan import Plan
from tests.sim.runs import simulated as simulated_by_command
from tests.sim.worlds import Facts

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
_PROVENANCE = re.compile(r'<section id="provenance">.*?</section>', re.DOTALL)
ONE_OF_EACH = """
schema: slotlab.campaign/v1
title: every kind of fault, briefly
seed: 5
chain: {producers: 4, slot: 500ms, blocks_per_turn: 2}
load: {rate: 8/s}
warmup: 6s
cooldown: 10s
safety: {max_unreachable: 4}
timeline:
  - {at: 10s, for: 4s, fault: delay, between: all, delay: 60ms, jitter: 10ms}
  - {at: 15s, for: 4s, fault: partition, shape: minority}
  - {at: 20s, for: 4s, fault: clock_step, on: one, by: 300ms}
  - {at: 25s, fault: kill, on: one, restart_after: 2s}
  - {at: 30s, for: 4s, fault: loss, between: all, share: 5%}
  - {at: 35s, for: 3s, fault: pause, on: n2}
  - {at: 40s, for: 4s, fault: reorder, between: all, share: 5%, by: 200ms}
  - {at: 45s, for: 4s, fault: byzantine, on: n3, strategy: double_production}
"""
FAILING = """
schema: slotlab.campaign/v1
title: nobody can finalize
chain: {producers: 4, slot: 500ms, blocks_per_turn: 2}
warmup: 6s
cooldown: 10s
expect:
  baseline: {finality_lag_blocks: {max: {max: 1}}}
timeline:
  - {at: 15s, for: 2s, fault: delay, between: all, delay: 10ms}
"""


def slotlab(*words: str, cwd: Path, hash_seed: int) -> subprocess.CompletedProcess[str]:
    """Return the finished command, run in cwd under a PYTHONHASHSEED."""
    env = os.environ | {"PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "harness", *words]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def plan_of(campaign: Path, seed: int | None = None) -> Plan:
    """Return the plan of a campaign in the simulator."""
    file = campaign_file.load(campaign)
    return planner.build(file, simulated(file), seed=seed)


def facts_of(run: Path) -> dict[str, bytes]:
    """Return the bytes that must not depend on the process: all but provenance."""
    files = [run / "summary.json", *(run / "trials").rglob("*"), *(run / "tables").rglob("*")]
    found = {str(p.relative_to(run)): p.read_bytes() for p in files if p.is_file()}
    page = (run / "report.html").read_text()
    found["report.html"] = _PROVENANCE.sub("", page).encode()
    return found


@pytest.mark.slow
def test_two_processes_with_two_hash_seeds_write_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "each.yml").write_text(ONE_OF_EACH)
    found = []
    for hash_seed in (1, 2):
        done = slotlab(
            "run", "each.yml", "--lab", "sim", "--runs", f"r{hash_seed}",
            cwd=tmp_path, hash_seed=hash_seed,
        )  # fmt: skip
        assert "report:" in done.stdout, done.stderr
        found.append(facts_of((tmp_path / f"r{hash_seed}" / "each" / "latest").resolve()))
    assert found[0].keys() == found[1].keys()
    assert [name for name in found[0] if found[0][name] != found[1][name]] == []
    assert len(found[0]) > 15
    assert len(found[0]["report.html"]) > 10_000


def test_the_cache_changes_no_byte_and_another_seed_changes_them(tmp_path: Path) -> None:
    path = tmp_path / "each.yml"
    path.write_text(ONE_OF_EACH)
    planned = plan_of(path)
    shared, alone = (simulate(planned, planned.trials[0], cached=c) for c in (True, False))
    assert shared == alone
    other = plan_of(path, seed=6)
    assert simulate(other, other.trials[0]).events["n1"] != shared.events["n1"]


def test_demo_passes_in_the_simulator_with_finality_where_it_is_predicted(tmp_path: Path) -> None:
    done, summary, run = simulated_by_command("demo", tmp_path)
    assert done.exit_code == 0, done.output
    assert summary["verdict"] == "pass"
    assert summary["lab"] == "sim"
    baseline = summary["cells"][0]["phases"]["baseline"]
    predicted = json.loads((run / "plan.json").read_text())["prediction"]["finality_lag_blocks"]
    lag = baseline["finality_lag_blocks"]
    assert (lag["min"], lag["max"]) == (predicted["min"], predicted["max"])
    assert baseline["slots"]["missed"] == 0
    stages = baseline["stages_ms"]
    assert stages["precommitted"]["n"] == stages["irreversible"]["n"] == stages["whole"]["n"] > 0
    assert {q["negative"] + q["censored"] + q["unknown"] for q in stages.values()} == {0}
    waits = {(row["fault"].partition("-")[0], row["what"]): row for row in summary["survival"]}
    assert {what for fault, what in waits if fault == "partition"} == {"detected", "recovered"}
    assert all(row["ended"] == row["n"] == 1 for row in waits.values() if row["what"] != "detected")
    states = {fault["id"]: fault["state"] for fault in summary["faults"]}
    assert set(states.values()) == {"installed"}, states
    assert "repeat:" not in done.output


def test_a_failing_run_says_how_to_see_it_again(tmp_path: Path) -> None:
    path = tmp_path / "failing.yml"
    path.write_text(FAILING)
    words = ["run", str(path), "--lab", "sim", "--runs", str(tmp_path), "--seed", "77"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1, done.output
    assert f"slotlab run {path} --lab sim --seed 77" in done.output.replace("\n", "")


def test_whether_anybody_probes_or_listens_does_not_change_the_chain() -> None:
    planned = plan_of(campaign_file.find("smoke"))
    heads = set()
    for sink, probes in ((None, False), (Facts(), True), (Facts(frozenset()), False)):
        world, _ = world_of(planned, planned.trials[0], sink, probes=probes)
        schedule(world, planned.trials[0].faults)
        world.run(planned.end_ns + 200_000_000)
        heads |= {host.chain.head.id for host in world.hosts.values() if host.chain}
    assert len(heads) == 1


def test_a_plan_for_the_simulator_needs_no_inventory() -> None:
    done = CliRunner().invoke(app, ["plan", "demo", "--lab", "sim", "--json"])
    planned = json.loads(done.output)
    assert [fault["how"] for fault in planned["trials"][0]["faults"]] == ["sim"] * 4


def test_a_bitshares_campaign_gives_the_same_bytes_with_the_cache_off() -> None:
    planned = plan_of(campaign_file.find("bitshares"))
    shared, alone = (simulate(planned, planned.trials[0], cached=c) for c in (True, False))
    assert shared == alone


def test_a_campaign_runs_on_the_hosts_it_assigns_producers_to(tmp_path: Path) -> None:
    path = tmp_path / "assigned.yml"
    path.write_text(
        "schema: slotlab.campaign/v1\ntitle: two hosts\n"
        "chain: {producers: 3, assign: {left: [producera, producerb], right: [producerc]}}\n"
    )
    planned = plan_of(path)
    assert [(host.host, len(host.producers)) for host in planned.hosts] == [
        ("left", 2),
        ("right", 1),
    ]


def test_each_fault_of_a_trial_is_in_the_journals_of_its_hosts(tmp_path: Path) -> None:
    path = tmp_path / "each.yml"
    path.write_text(ONE_OF_EACH)
    planned = plan_of(path)
    done = simulate(planned, planned.trials[0])
    for fault in planned.trials[0].faults:
        for host in fault.targets:
            lines = [json.loads(line) for line in done.journals[host].splitlines()]
            states = [line["state"] for line in lines if line["fault"] == fault.id]
            healed = ["healed"] if fault.for_ns is not None else []
            assert states == ["armed", "applied", "installed", *healed]
