"""What a committee decided, from lines to summary, table and page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from tests.unit.metrics_build.bend import Line, Rebuilt
from tests.unit.metrics_report.test_delegation import EVIL, telling, trial

STAKE = 6_000_000_000
PARAMETERS: dict[str, Any] = {
    "kind": "parameters", "slot": 30, "block_interval_s": 1, "maintenance_interval_s": 60,
    "maintenance_skip_slots": 3, "max_block_bytes": 1_000_000, "review_period_s": 10,
    "max_proposal_lifetime_s": 100, "max_time_until_expiration_s": 100, "max_witness_count": 11,
    "max_committee_count": 11, "fees": {}, "fee_per_kbyte": 0, "network_percent": 2000,
    "pay_mode": "fixed_per_block", "pay_percent": 0, "witness_pay_per_block": 0,
    "worker_budget_per_day": 0,
}  # fmt: skip


def proposed(number: int, changes: dict[str, str]) -> Line:
    """Return what tells of a proposal."""
    return {
        "kind": "proposed", "proposal": number, "account": EVIL, "changes": changes,
        "frozen_s": 20, "expires_s": 30,
    }  # fmt: skip


def approved(number: int, account: str, *, withdrawn: bool = False) -> Line:
    """Return what tells of an approval."""
    return {"kind": "approved", "proposal": number, "account": account, "withdrawn": withdrawn}


def ended(number: int, outcome: str, by: list[str]) -> Line:
    """Return what tells of a proposal's end."""
    committee = ["producera", "producerb"]
    return {
        "kind": "proposal_ended", "proposal": number, "outcome": outcome, "approved_by": by,
        "committee": committee,
    }  # fmt: skip


FACTS: dict[int, list[Line]] = {
    20: [proposed(1, {"block_interval_s": "3"}), approved(1, "producera"),
         approved(1, "producerb")],
    22: [approved(1, "producerb", withdrawn=True), proposed(2, {"fees.transfer": "5"}),
         approved(2, "producera"), proposed(3, {"pay_percent": "1"})],
    24: [ended(1, "executed", ["producera"]), ended(3, "unauthorized", [])],
    30: [{**PARAMETERS, "block_interval_s": 3}],
    32: [ended(2, "executed", ["producera"])],
    38: [{**PARAMETERS, "fees": {"transfer": 5}}],
    40: [proposed(4, {"pay_percent": "2"})],
}  # fmt: skip
"""Two proposals come into force, of which the later was made before the first one did."""


def test_proposals_stand_in_summary_table_and_page_with_what_became_of_them(
    reported: Rebuilt, tmp_path: Path
) -> None:
    summary = reported(telling(FACTS))
    assert summary["metrics"]["decisions"] == {
        "proposals": 4, "executed": 2, "unauthorized": 1, "failed": 0, "deleted": 0, "open": 1,
        "approvals": 3, "withdrawn": 1, "changes": 2,
        "by_parameter": {"block_interval_s": 2, "fees.transfer": 1},
    }  # fmt: skip
    found = trial(summary)["decisions"]
    steps = [
        (p["number"], p["block"], p["outcome"], p["ended"] and p["ended"]["block"],
         p["in_force"] and p["in_force"]["block"])
        for p in found["proposals"]
    ]  # fmt: skip
    assert steps == [
        (1, 20, "executed", 24, 30), (2, 22, "executed", 32, 38), (3, 22, "unauthorized", 24, None),
        (4, 40, "open", None, None),
    ]  # fmt: skip
    assert [(c["block"], c["changes"]) for c in found["changes"]] == [
        (30, {"block_interval_s": "3"}), (38, {"fees.transfer": "5", "block_interval_s": "1"}),
    ]  # fmt: skip
    run = tmp_path / "run"
    rows = duckdb.sql(f"select number, step, num, who from '{run}/tables/decisions.parquet'")
    assert sorted(row for row in rows.fetchall() if row[0] == 1) == [
        (1, "approved", 20, "producera"), (1, "approved", 20, "producerb"),
        (1, "executed", 24, "producera"), (1, "in force", 30, ""), (1, "proposed", 20, EVIL),
        (1, "withdrawn", 22, "producerb"),
    ]  # fmt: skip
    page = (run / "report.html").read_text()
    assert EVIL not in page
    assert "by producera of producera, producerb" in page
    assert "by nobody of producera, producerb" in page
    assert "fees.transfer = 5, block_interval_s = 1" in page
    assert "proposal 3 unauthorized in block 24" in page


def test_of_two_executed_before_one_maintenance_the_last_comes_into_force(
    reported: Rebuilt,
) -> None:
    facts = {
        20: [proposed(1, {"pay_percent": "1"}), proposed(2, {"pay_percent": "2"})],
        22: [ended(1, "executed", ["producera"]), ended(2, "executed", ["producera"])],
        24: [{**PARAMETERS, "pay_percent": 2}],
    }
    found = trial(reported(telling(facts)))["decisions"]
    assert [p["in_force"] and p["in_force"]["block"] for p in found["proposals"]] == [None, 24]
    assert [c["changes"] for c in found["changes"]] == [{"pay_percent": "2"}]


def test_a_trial_in_which_nobody_proposes_anything_says_nothing_of_it(reported: Rebuilt) -> None:
    summary = reported(telling({}))
    assert "decisions" not in summary["metrics"]
    assert "decisions" not in trial(summary)


HARD_FORK: Line = {
    "kind": "hard_fork", "hard_fork": EVIL, "state": "scheduled", "by_urgency": False,
    "approval": STAKE, "stake": 2**60, "ready": 3, "urgent": 1, "of_witnesses": 4,
}  # fmt: skip


def test_hard_forks_stand_in_summary_table_and_page(reported: Rebuilt, tmp_path: Path) -> None:
    urgent = {**HARD_FORK, "state": "active", "by_urgency": True, "urgent": 3}
    facts = {20: [HARD_FORK], 24: [{**HARD_FORK, "state": "cleared"}], 30: [urgent]}
    summary = reported(telling(facts))
    assert summary["metrics"]["hard_forks"] == {
        "scheduled": 1, "cleared": 1, "active": 1, "refused": 0,
    }  # fmt: skip
    found = trial(summary)["hard_forks"]
    assert [(f["block"], f["state"], f["approval"]) for f in found] == [
        (20, "scheduled", STAKE), (24, "cleared", STAKE), (30, "active", STAKE),
    ]  # fmt: skip
    run = tmp_path / "run"
    rows = duckdb.sql(f"select num, state, stake, ready from '{run}/tables/hard_forks.parquet'")
    assert sorted(rows.fetchall()) == [
        (20, "scheduled", 2**60, 3), (24, "cleared", 2**60, 3), (30, "active", 2**60, 3),
    ]  # fmt: skip
    page = (run / "report.html").read_text()
    assert EVIL not in page
    votes = '<td class="n">6 of 1,152,921,504.606846976</td>'
    assert f"<td>active, urgent</td>{votes}<td>3 ready, 3 at once, of 4</td>" in page
