"""What a damaged or dishonest run must lead to: rejected lines, losses, violations, invalid."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

pytestmark = pytest.mark.slow

Rebuilt = Callable[..., dict[str, Any]]
Lines = dict[str, list[dict[str, Any]]]


def _check(summary: dict[str, Any], name: str) -> str:
    return str(next(c["verdict"] for c in summary["checks"] if c["name"] == name))


def test_a_gap_in_numbering_is_a_loss_and_makes_the_run_invalid(rebuilt: Rebuilt) -> None:
    def lose(lines: Lines) -> None:
        del lines["h2"][100:103]

    summary = rebuilt(lose)
    assert summary["verdict"] == "invalid"
    assert any("h2 lost 3 events" in reason for reason in summary["invalid"])
    assert _check(summary, "no_conflicting_finality") == "unknown"


def test_a_broken_line_is_rejected_and_counted_but_loses_nothing(rebuilt: Rebuilt) -> None:
    def tear(run: Path) -> None:
        path = run / "trials/1/hosts/h3/events.jsonl.zst"
        raw = zstandard.decompress(path.read_bytes())
        path.write_bytes(zstandard.compress(raw + b'{"v":1,"kind":"sl\n', 3))

    summary = rebuilt(files=tear)
    assert summary["verdict"] == "pass"
    assert "trial 1: h3: 1 broken event lines were rejected" in summary["notes"]


def test_an_unknown_kind_is_kept_and_counted(rebuilt: Rebuilt) -> None:
    def rename(lines: Lines) -> None:
        next(x for x in lines["h1"] if x["kind"] == "process")["kind"] = "from_the_future"

    assert any("from_the_future" in note for note in rebuilt(rename)["notes"])


def test_two_final_blocks_at_one_height_fail_the_run(rebuilt: Rebuilt) -> None:
    def conflict(lines: Lines) -> None:
        final = [x for x in lines["h4"] if x["kind"] == "irreversible"]
        final[20]["id"] = "f" * 64

    summary = rebuilt(conflict)
    assert summary["verdict"] == "fail"
    assert _check(summary, "no_conflicting_finality") == "violated"


def test_a_lib_that_goes_back_over_a_restart_fails_the_run(rebuilt: Rebuilt) -> None:
    def forget(lines: Lines) -> None:
        [x for x in lines["h3"] if x["kind"] == "started"][1]["resumed_lib"] = 3

    assert _check(rebuilt(forget), "lib_never_decreases") == "violated"


def test_two_blocks_for_one_slot_are_a_double_signature(rebuilt: Rebuilt) -> None:
    def forge(lines: Lines) -> None:
        next(x for x in lines["h2"] if x["kind"] == "received")["id"] = "e" * 64

    summary = rebuilt(forge)
    assert _check(summary, "no_double_sign") == "violated"
    assert summary["verdict"] == "fail"


def test_different_states_after_one_block_are_seen(rebuilt: Rebuilt) -> None:
    def diverge(lines: Lines) -> None:
        [x for x in lines["h1"] if x["kind"] == "applied"][30]["state_digest"] = "other"

    assert _check(rebuilt(diverge), "same_state_digest") == "violated"


def test_probes_that_contradict_each_other_make_the_run_invalid(rebuilt: Rebuilt) -> None:
    def jump(lines: Lines) -> None:
        probes = [x for x in lines["h1"] if x["kind"] == "probe" and x["flow"] == "clock"]
        for key in ("t2_ns", "t3_ns"):
            probes[90][key] += 40_000_000

    summary = rebuilt(jump)
    assert summary["verdict"] == "invalid"
    assert any("contradict" in reason for reason in summary["invalid"])


def test_a_fault_that_ended_early_makes_the_run_invalid(rebuilt: Rebuilt) -> None:
    def early(run: Path) -> None:
        path = run / "trials/1/hosts/h1/agent.jsonl"
        records = [json.loads(line) for line in path.read_text().splitlines()]
        for record in records:
            if (record["fault"], record["state"]) == ("partition-1", "healed"):
                record["t_ns"] -= 2_000_000_000
                record["between_ns"] = [record["t_ns"] - 1, record["t_ns"]]
        path.write_text("".join(json.dumps(record) + "\n" for record in records))

    summary = rebuilt(files=early)
    assert summary["verdict"] == "invalid"
    assert any("partition-1 ended early" in reason for reason in summary["invalid"])


def test_a_leaking_partition_is_indeterminate_whatever_the_agents_say(rebuilt: Rebuilt) -> None:
    def leak(lines: Lines) -> None:
        probes = [
            x for x in lines["h4"]
            if x["kind"] == "probe" and x["flow"] == "path" and not x["received"]
        ]  # fmt: skip
        probes[15]["received"] = 2

    summary = rebuilt(leak)
    fault = next(f for f in summary["faults"] if f["id"] == "partition-1")
    assert fault["state"] == "indeterminate"
    assert summary["verdict"] == "invalid"


@pytest.mark.parametrize(("delay_s", "percent"), [(0.030, -62), (0.120, 50)])
def test_a_delay_far_from_what_was_asked_is_indeterminate(
    rebuilt: Rebuilt, delay_s: float, percent: float
) -> None:
    summary = rebuilt(delay_real=delay_s)
    fault = next(f for f in summary["faults"] if f["id"] == "delay-1")
    assert fault["state"] == "indeterminate"
    assert fault["measured"]["difference_percent"] == pytest.approx(percent, abs=1)


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


def test_a_state_that_differs_after_healing_makes_the_run_invalid(rebuilt: Rebuilt) -> None:
    def leftover(run: Path) -> None:
        path = run / "trials/1/hosts/h2/after.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "tc": ["netem"]}))

    summary = rebuilt(files=leftover)
    assert _check(summary, "host_state_restored") == "violated"
    assert summary["verdict"] == "invalid"


@pytest.mark.parametrize("word", ["before", "after"])
def test_a_host_whose_state_is_not_known_makes_the_run_invalid(rebuilt: Rebuilt, word: str) -> None:
    def forget(run: Path) -> None:
        (run / f"trials/1/hosts/h3/{word}.json").unlink()

    summary = rebuilt(files=forget)
    assert _check(summary, "host_state_restored") == "unknown"
    assert f"trial 1: h3: its state {word} the trial is not known" in summary["invalid"]
    assert summary["verdict"] == "invalid"


def test_a_trial_never_run_makes_the_run_invalid(rebuilt: Rebuilt) -> None:
    def forget(run: Path) -> None:
        (run / "trials/1/trial.json").unlink()

    summary = rebuilt(files=forget)
    assert summary["verdict"] == "invalid"
    assert summary["cells"] == []


def test_a_node_whose_disk_a_fault_took_is_judged_as_a_new_one(rebuilt: Rebuilt) -> None:
    def forget(lines: Lines) -> None:
        back = [x for x in lines["h3"] if x["kind"] == "started"][1]
        back.update(resumed_num=1, resumed_lib=1)

    def wipe(run: Path) -> None:
        plan = json.loads((run / "plan.json").read_text())
        plan["trials"][0]["faults"][3]["asked"]["loses"] = "everything"
        (run / "plan.json").write_text(json.dumps(plan))

    summary = rebuilt(forget, wipe)
    assert _check(summary, "lib_never_decreases") == "holds"
    assert _check(summary, "restart_keeps_state") == "holds"


def test_a_simulated_run_has_no_host_state_to_restore_and_says_what_it_is(
    reported: Rebuilt, tmp_path: Path
) -> None:
    def simulated(run: Path) -> None:
        plan = json.loads((run / "plan.json").read_text())
        (run / "plan.json").write_text(json.dumps({**plan, "lab": "sim"}))

    names = [check["name"] for check in reported(files=simulated)["checks"]]
    assert "host_state_restored" not in names
    page = (tmp_path / "run" / "report.html").read_text()
    assert "There were no hosts" in page
