"""Everybody goes down at once and comes back: a net that makes no block never counts as recovered.

PROTOCOL A.9: a restarted producer signs nothing until it has seen a fresh block, and nobody makes
one, unless an operator lets a node produce on a stale head.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.runs import simulated

pytestmark = pytest.mark.slow

CAMPAIGNS = Path(__file__).resolve().parents[1] / "vectors" / "campaigns"
PROFILES = ("eosio", "bitshares")


def outcome(profile: str, folder: Path, stale: str = "[]") -> tuple[str, dict[str, str], int]:
    """Return (verdict, verdict by check, slots left empty for a stale head) of the campaign.

    stale: the hosts that may produce on a stale head, as a campaign names them.
    """
    text = (CAMPAIGNS / f"all_down_{profile}.yml").read_text()
    chain = f"chain: {{enable_stale_production: {stale}, "
    path = folder / "dark.yml"
    path.write_text(text.replace("chain: {", chain))
    _, summary, _ = simulated(path, folder)
    checks = {check["name"]: check["verdict"] for check in summary["checks"]}
    reasons = summary["metrics"]["slots"]["reasons"]
    return summary["verdict"], checks, reasons.get("abstained: stale", 0)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_net_that_restarted_whole_stands_still_and_fails(profile: str, tmp_path: Path) -> None:
    verdict, checks, stale = outcome(profile, tmp_path)
    violated = {name for name, word in checks.items() if word == "violated"}
    assert verdict == "fail"
    assert violated == {"finality_resumes", "dark: recovers within 60 s"}
    assert stale > 50


@pytest.mark.parametrize("stale", ["[n2]", "all"])
@pytest.mark.parametrize("profile", PROFILES)
def test_an_operator_restarts_it_by_letting_nodes_produce_on_a_stale_head(
    profile: str, stale: str, tmp_path: Path
) -> None:
    verdict, checks, left_empty = outcome(profile, tmp_path, stale)
    assert (verdict, set(checks.values())) == ("pass", {"holds"})
    assert left_empty < 20
