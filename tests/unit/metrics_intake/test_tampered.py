"""What a damaged or dishonest run must lead to: rejected lines, losses, violations, invalid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.metrics_build import bend
from tests.unit.metrics_build.bend import Lines, Rebuilt


def test_a_gap_in_numbering_is_a_loss_and_makes_the_run_invalid(rebuilt: Rebuilt) -> None:
    def lose(lines: Lines) -> None:
        del lines["h2"][100:103]

    summary = rebuilt(lose)
    assert summary["verdict"] == "invalid"
    assert any("h2 lost 3 events" in reason for reason in summary["invalid"])
    assert bend.check(summary, "no_conflicting_finality")["verdict"] == "unknown"


def test_an_expectation_missed_fails_a_valid_run(rebuilt: Rebuilt) -> None:
    limit = {"finality_latency_s": {"p50": {"max": 1_000_000_000}}}
    summary = rebuilt(expect={"baseline": limit})
    assert summary["verdict"] == "fail"
    assert summary["checks"][-1]["verdict"] == "violated"


def test_a_limit_inside_the_error_decides_nothing(rebuilt: Rebuilt) -> None:
    limit = {"finality_latency_s": {"min": {"max": 3_503_300_000}}}
    summary = rebuilt(expect={"baseline": limit})
    assert summary["checks"][-1]["verdict"] == "unknown"
    assert summary["verdict"] == "invalid"


def test_a_host_without_events_leaves_its_slots_unknown(rebuilt: Rebuilt) -> None:
    def vanish(lines: Lines) -> None:
        del lines["h3"]

    summary = rebuilt(vanish)
    assert summary["verdict"] == "invalid"
    by_producer = summary["metrics"]["slots"]["by_producer"]
    assert by_producer["producerc"]["unknown"] == 4
    assert by_producer["producerc"]["missed"] == 0


def test_without_ntp_seconds_carry_no_error_and_prove_nothing(rebuilt: Rebuilt) -> None:
    def silence(lines: Lines) -> None:
        for host in lines.values():
            for line in host:
                if line["kind"] == "clock":
                    line["verified"] = False

    limit = {"finality_latency_s": {"p95": {"max": 6_000_000_000}}}
    summary = rebuilt(silence, expect={"baseline": limit})
    q = summary["cells"][0]["phases"]["baseline"]["finality_latency_s"]
    assert q["error"]["p50"] == [None, None]
    assert summary["verdict"] == "invalid"
    hop = summary["cells"][0]["phases"]["baseline"]["propagation_ms"]["h1"]["h2"]
    assert None not in hop["error"]["p50"]


def test_text_from_hosts_cannot_become_markup(reported: Rebuilt, tmp_path: Path) -> None:
    def inject(lines: Lines) -> None:
        for line in lines["h2"]:
            if line["kind"] == "abstained":
                line["reason"] = "<script>alert(1)</script>"

    reported(inject)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("word", ["before", "after"])
def test_a_host_whose_state_is_not_known_makes_the_run_invalid(rebuilt: Rebuilt, word: str) -> None:
    def forget(run: Path) -> None:
        (run / f"trials/1/hosts/h3/{word}.json").unlink()

    summary = rebuilt(files=forget)
    assert bend.check(summary, "host_state_restored")["verdict"] == "unknown"
    assert f"trial 1: h3: its state {word} the trial is not known" in summary["invalid"]
    assert summary["verdict"] == "invalid"


def test_a_node_whose_disk_a_fault_took_is_judged_as_a_new_one(rebuilt: Rebuilt) -> None:
    def forget(lines: Lines) -> None:
        back = [x for x in lines["h3"] if x["kind"] == "started"][1]
        back.update(resumed_num=1, resumed_lib=1)

    def wiped(plan: dict[str, Any]) -> None:
        plan["trials"][0]["faults"][3]["asked"]["loses"] = "everything"

    summary = rebuilt(forget, bend.in_plan(wiped))
    assert bend.check(summary, "lib_never_decreases")["verdict"] == "holds"
    assert bend.check(summary, "restart_keeps_state")["verdict"] == "holds"


def test_a_simulated_run_has_no_host_state_to_restore_and_says_what_it_is(
    reported: Rebuilt, tmp_path: Path
) -> None:
    simulated = bend.in_plan(lambda plan: plan.update(lab="sim"))
    names = [check["name"] for check in reported(files=simulated)["checks"]]
    assert "host_state_restored" not in names
    page = (tmp_path / "run" / "report.html").read_text()
    assert "There were no hosts" in page
