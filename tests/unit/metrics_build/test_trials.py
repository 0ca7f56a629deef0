"""Several trials are pooled from raw samples; a trial that broke off still gives a report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.unit.metrics_build import bend
from tests.unit.metrics_build.bend import Rebuilt


def _break_off(run: Path) -> None:
    """Leave a trial that was interrupted before anything was collected."""
    shutil.rmtree(run / "trials" / "1" / "hosts")
    path = run / "trials" / "1" / "trial.json"
    broken = {"state": "interrupted", "reason": "by the operator"}
    path.write_text(json.dumps({**json.loads(path.read_text()), **broken}))


def test_two_trials_are_pooled_and_too_few_for_an_interval_over_trials(rebuilt: Rebuilt) -> None:
    summary = rebuilt(files=bend.repeat)
    baseline = summary["cells"][0]["phases"]["baseline"]
    assert [trial["n"] for trial in summary["cells"][0]["trials"]] == [1, 2]
    assert baseline["finality_lag_blocks"]["n"] == 32
    assert baseline["slots"]["expected"] == 48
    assert baseline["slots"]["by_producer"]["producera"]["expected"] == 12
    q = baseline["finality_latency_s"]
    assert (q["n"], q["ci"]) == (32, None)
    assert len(summary["faults"]) == 8
    assert summary["verdict"] == "pass"


def test_a_trial_that_broke_off_is_invalid_and_still_reported(
    reported: Rebuilt, tmp_path: Path
) -> None:
    summary = reported(files=_break_off)
    assert summary["verdict"] == "invalid"
    assert "trial 1: the trial is interrupted: by the operator" in summary["invalid"]
    slots = summary["metrics"]["slots"]
    assert slots["produced"] == 0
    assert slots["unknown"] == slots["expected"] > 0
    assert (tmp_path / "run" / "report.html").stat().st_size > 100_000


def test_a_trial_that_its_operator_broke_off_names_no_node_for_it(rebuilt: Rebuilt) -> None:
    """Nodes were stopped, one fault ended early and others never began: that is what was asked."""
    stop_s = 40.0

    def stop(lines: dict[str, list[dict[str, Any]]]) -> None:
        for host, own in lines.items():
            zero = next(x for x in own if x["kind"] == "started")["mono_ns"] + 1_000_000_000
            last = {x["node"]: x for x in own if x["kind"] == "stopped"}
            kept = [x for x in own if x["mono_ns"] < zero + stop_s * 1e9]
            for node, line in last.items():
                late = max(x["mono_ns"] for x in kept if x["node"] == node) - line["mono_ns"]
                seq = max(x["seq"] for x in kept if x["node"] == node) + 1
                moved = {key: line[key] + late for key in ("mono_ns", "wall_ns")}
                kept.append(line | moved | {"seq": seq})
            lines[host] = kept

    def interrupt(run: Path) -> None:
        path = run / "trials/1/trial.json"
        broken = {"state": "interrupted", "reason": "stopped by the operator"}
        path.write_text(json.dumps({**json.loads(path.read_text()), **broken}))
        for journal in run.glob("trials/1/hosts/*/agent.jsonl"):
            known = [json.loads(line) for line in journal.read_text().splitlines()]
            kept = [x for x in known if x["t_ns"] < stop_s * 1e9]
            healed = next(x for x in known if (x["fault"], x["state"]) == ("partition-1", "healed"))
            t_ns = round(stop_s * 1e9)
            kept.append(healed | {"t_ns": t_ns, "between_ns": [t_ns, t_ns], "reason": "heal"})
            journal.write_text("".join(json.dumps(line) + "\n" for line in kept))

    summary = rebuilt(stop, interrupt)
    assert summary["invalid"] == ["trial 1: the trial is interrupted: stopped by the operator"]
    assert summary["verdict"] == "invalid"
