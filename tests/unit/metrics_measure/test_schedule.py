"""The order of producers comes from what nodes said; faults taken back are seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.metrics_build.bend import Lines, Rebuilt


def test_a_producer_named_by_the_nodes_is_expected_though_the_plan_names_another(
    rebuilt: Rebuilt,
) -> None:
    def shuffle(lines: Lines) -> None:
        """Let producers a and b swap names in everything but the plan."""
        swapped = {"producera": "producerb", "producerb": "producera"}
        for host in lines.values():
            for line in host:
                if line.get("producer") in swapped:
                    line["producer"] = swapped[line["producer"]]

    summary = rebuilt(shuffle)
    slots = summary["metrics"]["slots"]
    assert slots["produced"] == 184 - 8
    assert slots["by_producer"]["producera"]["missed"] == 4
    assert slots["by_producer"]["producerb"]["missed"] == 0


@pytest.mark.parametrize(
    ("reason", "state", "invalid"),
    [("", "healed", False), ("dead_man", "healed", False), ("lease_expired", "healed", True),
     ("heal", "healed", True), ("disarmed", "healed", True), ("agent_stopped", "healed", True),
     ("ended_early: the rules were gone", "failed", True), ("heal: left over", "failed", False)],
)  # fmt: skip
def test_a_fault_taken_back_by_anything_but_its_deadline_ended_early(
    rebuilt: Rebuilt, reason: str, state: str, invalid: bool
) -> None:
    def rewrite(run: Path) -> None:
        path = run / "trials/1/hosts/h4/agent.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            if line["fault"] == "partition-1" and line["state"] == "healed":
                line.update(reason=reason, state=state, t_ns=line["t_ns"] - 50_000_000,
                            between_ns=None)  # fmt: skip
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    summary = rebuilt(files=rewrite)
    early = [text for text in summary["invalid"] if "partition-1 ended early" in text]
    assert bool(early) is invalid
