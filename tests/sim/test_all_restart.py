"""Everybody goes down at once and comes back: a net that makes no block never counts as recovered.

PROTOCOL A.9: a restarted producer signs nothing until it has seen a fresh block, and nobody makes
one, unless an operator lets a node produce on a stale head.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from harness.__main__ import app

CAMPAIGN = """
schema: slotlab.campaign/v1
title: all producers down for a while
seed: 4971
chain: {{profile: {profile}, producers: 4, slot: {slot}{more}}}
load: {{rate: 5/s}}
warmup: 10s
cooldown: {cooldown}
safety: {{max_unreachable: 4}}
expect:
  always: [no_conflicting_finality, lib_never_decreases, no_double_sign, finality_resumes]
  each_fault: {{recovers_within: 60s}}
timeline:
  - {{id: dark, at: 30s, fault: kill, on: all, restart_after: 30s}}
"""
PROFILES = {
    "eosio": {"slot": "500ms", "more": ", blocks_per_turn: 2", "cooldown": "70s"},
    "bitshares": {"slot": "1s", "more": "", "cooldown": "120s"},
}


def outcome(profile: str, more: str, folder: Path) -> tuple[str, dict[str, str], dict[str, int]]:
    """Return (verdict, verdict by check, slots without a block by reason) of the campaign."""
    fields = PROFILES[profile]
    fields = fields | {"profile": profile, "more": fields["more"] + more}
    path = folder / "dark.yml"
    path.write_text(CAMPAIGN.format(**fields))
    words = ["run", str(path), "--lab", "sim", "--runs", str(folder), "--json"]
    CliRunner().invoke(app, words)
    summary: dict[str, Any] = json.loads((folder / "dark/latest/summary.json").read_text())
    checks = {check["name"]: check["verdict"] for check in summary["checks"]}
    return summary["verdict"], checks, summary["metrics"]["slots"]["reasons"]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_net_that_restarted_whole_stands_still_and_fails(profile: str, tmp_path: Path) -> None:
    verdict, checks, reasons = outcome(profile, "", tmp_path)
    assert verdict == "fail"
    assert checks["finality_resumes"] == "violated"
    assert checks["dark: recovers within 60 s"] == "violated"
    assert reasons["abstained: stale"] > 50


@pytest.mark.parametrize("profile", PROFILES)
def test_an_operator_restarts_it_by_letting_one_node_produce_on_a_stale_head(
    profile: str, tmp_path: Path
) -> None:
    more = ", enable_stale_production: [n2]"
    verdict, checks, reasons = outcome(profile, more, tmp_path)
    assert (verdict, checks["finality_resumes"]) == ("pass", "holds")
    assert checks["dark: recovers within 60 s"] == "holds"
    assert reasons.get("abstained: stale", 0) < 20
