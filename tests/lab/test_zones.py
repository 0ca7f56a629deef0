"""Ten container hosts in five published regions are as far apart as asked; the simulator predicts
when blocks are final there.

The band of a prediction, of p50 as of p99, is that of trials of the simulator that differ in their
seed: from the least to the greatest of their own, and either way what the longest round trip may be
off by while it counts as asked. The simulator says of itself that making and handling a block takes
no time: what that takes on this machine, the hosts of one region show, which nothing holds apart.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from metrics.fault_checks.zones import ERROR_NS, ERROR_SHARE
from tests.lab.bench import MARKS, bench
from tests.sim.runs import simulated

pytestmark = [*MARKS, pytest.mark.long]

CAMPAIGN = """\
schema: slotlab.campaign/v1
title: ten producers in five regions
seed: {seed}
chain: {{profile: eosio, producers: 10, slot: 500ms, blocks_per_turn: 2}}
load: {{rate: 10/s, size: 256B}}
trials: {{repeat: {repeat}}}
zones: {{matrix: azure5.csv}}
warmup: 12s
cooldown: 80s
"""
HOSTS = 10
SEEDS = 6
QUORUM = 7
BLOCKS_MIN = 100
"""So many it takes before any lies beyond their p99."""


def test_ten_hosts_are_as_far_apart_as_five_regions_and_final_when_predicted(
    tmp_path: Path,
) -> None:
    real, predicted = tmp_path / "regions.yml", tmp_path / "predicted.yml"
    real.write_text(CAMPAIGN.format(seed=7, repeat=1))
    predicted.write_text(CAMPAIGN.format(seed=8, repeat=SEEDS))
    with bench("zones", hosts=HOSTS) as lab:
        lab.deploy()
        words = ("run", str(real), "-i", str(lab.inventory), "--runs", str(tmp_path / "runs"))
        done = lab.slotlab(*words)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    run = (tmp_path / "runs" / "regions" / "latest").resolve()
    rows = as_far_apart_as_asked(run)
    _, _, sim = simulated(predicted, tmp_path / "sim")
    for share in (0.5, 0.99):
        low_s, high_s = band(sim, share, rows)
        (found_s,) = finality_s(run, share)
        assert low_s <= found_s <= high_s + handling_s(run, share), (share, low_s, found_s, high_s)


def as_far_apart_as_asked(run: Path) -> list[dict[str, Any]]:
    """Return the rows of a run's 20 ways between zones, of which every two hosts hold."""
    (held,) = json.loads((run / "summary.json").read_text())["zones"]
    rows = [row for row in held["measured"]["zones"] if row["asked_ms"] is not None]
    assert (held["state"], len(rows)) == ("installed", 20)
    for row in rows:
        off_ms = abs(row["worst"]["rtt_ms"] - row["asked_ms"])
        assert off_ms <= max(2.0, 0.05 * row["asked_ms"]), row
        assert row["judged"] == "as asked"
    return rows


def band(sim: Path, share: float, rows: list[dict[str, Any]]) -> tuple[float, float]:
    """Return between which seconds a run's quantile of finality is predicted to be."""
    longest_ns = max(row["asked_ms"] for row in rows) * 1e6
    slack_s = max(ERROR_NS, ERROR_SHARE * longest_ns) / 1e9
    trials = finality_s(sim, share)
    assert len(trials) == SEEDS
    return min(trials) - slack_s, max(trials) + slack_s


def finality_s(run: Path, share: float) -> list[float]:
    """Return of each trial of a run that quantile of its baseline's finality at a quorum (s)."""
    latest = f"list_sort(list(final_t_ns))[{QUORUM}] - any_value(slot_t_ns)"
    table = run / "tables" / "finality.parquet"
    blocks = (
        f"SELECT trial, ({latest}) / 1e9 AS took_s FROM '{table}' WHERE phase = 'baseline'"
        f" GROUP BY trial, id HAVING count(*) >= {QUORUM}"
    )
    rows = duckdb.execute(
        f"SELECT quantile_disc(took_s, {share}), count(*) FROM ({blocks}) GROUP BY trial"
    ).fetchall()
    assert all(n >= BLOCKS_MIN for _, n in rows), rows
    return [float(took_s) for took_s, _ in rows]


def handling_s(run: Path, share: float) -> float:
    """Return that quantile of how long it took to make, hand on and execute a block, and tell (s).

    Of the blocks that made others final: how old each was when the other host of its maker's zone
    told of that.
    """
    plan = json.loads((run / "plan.json").read_text())
    hosts = plan["cells"][0]["zones"]["hosts"]
    near = [f"('{a}', '{b}')" for a in hosts for b in hosts if a != b and hosts[a] == hosts[b]]
    made, final = (run / "tables" / f"{name}.parquet" for name in ("event_produced", "finality"))
    age = f"final_t_ns - slot_t_ns - (maker.slot - final.slot) * {plan['slot_ns']}"
    rows = duckdb.execute(
        f"SELECT quantile_disc(({age}) / 1e9, {share}) FROM '{final}' final JOIN '{made}' maker"
        " ON maker.trial = final.trial AND maker.num = final.num + lag_blocks"
        f" WHERE phase = 'baseline' AND (maker.host, final.host) IN ({', '.join(near)})"
    ).fetchall()
    return float(rows[0][0])
