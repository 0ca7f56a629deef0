"""The campaigns that ship do in the simulator what their comments say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.controller.state_dir import CAMPAIGNS
from harness.fuzz import attempt
from tests.sim.runs import meets, simulated

pytestmark = pytest.mark.slow


def check(summary: dict[str, Any], name: str) -> dict[str, Any]:
    """Return one check of a summary."""
    (found,) = [item for item in summary["checks"] if item["name"] == name]
    return dict(found)


@pytest.mark.parametrize(
    "name",
    [
        "absent_producers",
        "bad_network",
        "liars",
        "setprods",
        "splits",
        "withheld_reveals",
        "ground_shuffle",
        "emergency_hard_fork",
        "hard_fork",
        "refused_hard_fork",
    ],
)
def test_a_campaign_meets_what_it_expects(name: str, tmp_path: Path) -> None:
    """The others that do are held against the second analysis at the same time."""
    done, summary, _ = simulated(name, tmp_path)
    meets(done, summary)


def test_honest_producers_finalize_two_blocks_at_one_height_and_the_report_tells_how(
    tmp_path: Path,
) -> None:
    done, summary, run = simulated("conflicting_finality", tmp_path)
    conflict = check(summary, "no_conflicting_finality")
    assert (done.exit_code, conflict["verdict"]) == (1, "violated")
    assert conflict["evidence"].startswith("block 290 is final with 2 ids: ")
    for name in ("lib_never_decreases", "no_double_sign", "headers_valid", "no_early_block"):
        assert check(summary, name)["verdict"] == "holds"
    page = (run / "report.html").read_text()
    for word in ("264.000", "294.000", "It reached nobody else", "Heads that changed branch"):
        assert word in page


def test_without_the_stall_before_it_the_same_split_conflicts_with_nothing() -> None:
    text = (CAMPAIGNS / "conflicting_finality.yml").read_text()
    text = text.replace("  - {id: stall, at: 96s, for: 96s, fault: silent, on: n4}\n", "")
    text = text.replace("id: absent, at: 96s, for: 148s", "id: absent, at: 192s, for: 52s")
    assert attempt.run(text).breaches == ()


def test_bound_to_what_they_pre_committed_they_do_not_and_finality_comes_back(
    tmp_path: Path,
) -> None:
    done, summary, _ = simulated("conflicting_finality_locked", tmp_path)
    assert done.exit_code == 0
    assert check(summary, "no_conflicting_finality")["verdict"] == "holds"
    assert check(summary, "finality_resumes")["verdict"] == "holds"
    assert len(set(summary["metrics"]["irreversible"].values())) == 1


def test_a_chain_with_too_few_witnesses_halts_for_good_and_the_verdict_says_so(
    tmp_path: Path,
) -> None:
    done, summary, _ = simulated("participation", tmp_path)
    violated = [item["name"] for item in summary["checks"] if item["verdict"] == "violated"]
    assert (done.exit_code, violated) == (1, ["finality_resumes"])
    assert summary["cells"][0]["phases"]["after"]["slots"]["produced"] == 0


def test_a_net_that_restarts_whole_halts_for_good_and_the_verdict_says_so(tmp_path: Path) -> None:
    done, summary, _ = simulated("all_restart", tmp_path)
    violated = [item["name"] for item in summary["checks"] if item["verdict"] == "violated"]
    assert (done.exit_code, violated) == (1, ["finality_resumes", "dark: recovers within 20 s"])
    assert summary["cells"][0]["phases"]["after"]["slots"]["produced"] == 0


def test_a_longer_delay_orphans_the_last_block_of_a_turn_and_a_shorter_one_none(
    tmp_path: Path,
) -> None:
    done, summary, _ = simulated("late_handoff", tmp_path)
    assert done.exit_code == 0
    orphaned = {
        cell["params"]["delay"]: cell["metrics"]["slots"]["orphaned"] for cell in summary["cells"]
    }
    assert orphaned == {"100ms": 0, "400ms": 0, "900ms": 10}


@pytest.mark.parametrize(
    ("timing", "bears_ms", "breaks_ms"),
    [("fio", 450, 550), ("eosio2", 150, 250), ("leap", 400, 500)],
)
def test_a_campaign_shows_how_late_a_hand_over_may_be_under_each_timing(
    timing: str, bears_ms: int, breaks_ms: int
) -> None:
    text = (CAMPAIGNS / "late_handoff.yml").read_text()
    text = text.replace("profile: eosio,", f"profile: eosio, timing: {timing},")
    text = text.replace("matrix: {delay: [100ms, 400ms, 900ms]}\n", "")
    assert attempt.run(text.replace("${delay}", f"{bears_ms}ms")).switches == 0
    assert attempt.run(text.replace("${delay}", f"{breaks_ms}ms")).switches > 0


def test_a_long_fork_is_undone_in_one_switch(tmp_path: Path) -> None:
    done, summary, _ = simulated("long_fork", tmp_path)
    assert done.exit_code == 0
    assert summary["metrics"]["forks"]["depth_max"] >= 500


@pytest.mark.parametrize("name", ["double_spend", "double_spend_eosio"])
def test_money_spent_on_both_sides_of_a_split_is_reversed_on_one_and_final_on_the_other(
    name: str, tmp_path: Path
) -> None:
    done, summary, run = simulated(name, tmp_path)
    meets(done, summary)
    halves, minority = summary["cells"][0]["trials"][0]["reversed"]
    assert (halves["act"], halves["after"], len(halves["hosts"])) == ("transfer", "safe", 2)
    assert (minority["act"], minority["after"], minority["hosts"]) == ("transfer", "", ["n4"])
    lost = [note for note in summary["notes"] if "is in no final block" in note]
    assert len(lost) == 2
    m = summary["metrics"]
    assert m["reversals"]["after_final"] == 0
    assert m["safe_s"]["p50"] < m["finality_latency_s"]["p50"]
    page = (run / "report.html").read_text()
    for words in ("Reversed transactions", "Health of the network", "Stake that had confirmed"):
        assert words in page


def test_censors_make_one_account_wait_and_no_other(tmp_path: Path) -> None:
    done, summary, _ = simulated("censors", tmp_path)
    meets(done, summary)
    waited = summary["cells"][0]["phases"]["censored"]["inclusion_by_host_s"]
    # The censors' own hosts see their forged blocks late.
    others = [q["max"] for host, q in waited.items() if host not in ("n1", "n2", "n3")]
    assert waited["n1"]["max"] >= 2 > 1.1 > max(others)


def test_delays_beyond_the_block_interval_orphan_blocks_and_shorter_ones_none(
    tmp_path: Path,
) -> None:
    done, summary, _ = simulated("long_delays", tmp_path)
    meets(done, summary)
    phases = summary["cells"][0]["phases"]
    orphaned = {name: phases[name]["slots"]["orphaned"] for name in ("world", "beyond", "after")}
    assert orphaned == {"world": 0, "beyond": orphaned["beyond"], "after": 0}
    assert 20 <= orphaned["beyond"] <= 50
    assert phases["beyond"]["safe_s"]["p50"] > 2 * phases["world"]["safe_s"]["p50"]
