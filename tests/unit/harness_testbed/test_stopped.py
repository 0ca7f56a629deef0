"""What a host stopped of a trial before its end is told with its reason: the trial has failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.controller.store import RunFolder
from harness.orchestrator.trial_state import Progress
from harness.testbed import collect
from tests.unit.harness_plan.builders import planned


def line(state: str = "stopped", trial: str = "r.1", **fields: Any) -> str:
    record = {
        "host": "n2", "boot": "b", "trial": trial, "fault": "", "kind": "agent", "state": state,
        "mono_ns": 1, "wall_ns": 2, "t_ns": None, "between_ns": None, "asked": {},
        "read_back": {"units": ["node", "probe"]}, "how": "agent", "reason": "no_room",
    }  # fmt: skip
    return json.dumps(record | fields) + "\n"


def test_what_an_agent_stopped_of_this_trial_is_a_line_with_the_reason(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert collect.agent_records(folder, 1, "n2", "r.1") == []
    written = [
        line("started"), line(), line(trial="r.2"), "half a li\n", "\xff\n",
        line(reason="lease_expired"), line(reason="other"),
    ]  # fmt: skip
    (folder.host(1, "n2") / "agent.jsonl").write_text("".join(written), encoding="latin-1")
    assert collect.stopped(collect.agent_records(folder, 1, "n2", "r.1")) == [
        "n2: node, probe stopped as its disk was nearly full",
        "n2: node, probe stopped as the lease had ended",
        "n2: node, probe stopped other",
    ]


def test_what_was_stopped_after_the_trials_end_was_not_early(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    written = [line(t_ns=t_ns) for t_ns in (None, -5, 99, 100, 101)]
    (folder.host(1, "n2") / "agent.jsonl").write_text("".join(written))
    records = collect.agent_records(folder, 1, "n2", "r.1")
    assert len(collect.stopped(records, before_ns=100)) == 2
    assert len(collect.stopped(records)) == 5


def test_a_trial_of_which_a_host_stopped_something_has_failed() -> None:
    trial = planned().trials[0]
    progress = Progress(trial=trial, label="r.1", started_ns=0)
    progress.state, before = "complete", progress.reason
    progress.stopped_early([])
    assert (progress.state, progress.reason, progress.problems) == ("complete", before, [])
    progress.stopped_early(["n2: so", "n3: too"])
    assert (progress.state, progress.reason) == ("failed", "n2: so")
    assert progress.problems == ["n2: so", "n3: too"]
    progress.state, progress.reason = "interrupted", "by the operator"
    progress.stopped_early(["n4: so"])
    assert (progress.state, progress.reason) == ("interrupted", "by the operator")
