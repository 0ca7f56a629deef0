"""A fault whose effect, end or size nobody saw is not called as asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Rebuilt = Callable[..., dict[str, Any]]
Lines = dict[str, list[dict[str, Any]]]


def fault_of(summary: dict[str, Any], name: str) -> dict[str, Any]:
    """Return one fault of a summary."""
    (found,) = [fault for fault in summary["faults"] if fault["id"] == name]
    return dict(found)


def rewrite(run: Path, change: Callable[[dict[str, Any]], bool]) -> None:
    """Keep the agents' lines for which change, which may edit them, returns true."""
    for path in run.glob("trials/1/hosts/*/agent.jsonl"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines if change(line)))


def test_a_jittered_delay_that_was_gone_for_a_while(rebuilt: Rebuilt, bend: ModuleType) -> None:
    def vanish(lines: Lines) -> None:
        for line in (line for own in lines.values() for line in own):
            probing = line["kind"] == "probe" and line["flow"] == "path"
            if probing and 24.0 <= bend.at(line) - 2.5 < 28.0:
                line["rtts_ns"] = [2_000_000] * len(line["rtts_ns"])

    summary = rebuilt(vanish)
    fault = fault_of(summary, "delay-1")
    assert fault["state"] == "indeterminate"
    assert fault["reason"].startswith("no delay between h1 and h2 from 24.")
    assert fault["measured"].get("judged") != "as asked"
    assert summary["verdict"] == "invalid"


def test_a_fault_whose_end_a_host_did_not_record(rebuilt: Rebuilt) -> None:
    def forget(line: dict[str, Any]) -> bool:
        return (line["host"], line["fault"], line["state"]) != ("h3", "partition-1", "healed")

    fault = fault_of(rebuilt(files=lambda run: rewrite(run, forget)), "partition-1")
    told = (fault["state"], fault["reason"])
    assert told == ("indeterminate", "no record of its end from h3")


def test_a_fault_that_ended_five_seconds_late(rebuilt: Rebuilt) -> None:
    def late(line: dict[str, Any]) -> bool:
        if (line["host"], line["fault"], line["state"]) == ("h3", "partition-1", "healed"):
            line["t_ns"] += 5_000_000_000
            line["between_ns"] = [edge + 5_000_000_000 for edge in line["between_ns"]]
        return True

    fault = fault_of(rebuilt(files=lambda run: rewrite(run, late)), "partition-1")
    assert (fault["state"], fault["reason"]) == ("indeterminate", "ended 5.0 s late")


@pytest.mark.parametrize("asked_s", [1e-6, 0.0015])
def test_a_delay_below_what_probes_resolve_is_said_to_be_so(
    rebuilt: Rebuilt, asked_s: float
) -> None:
    def constant(run: Path) -> None:
        plan = json.loads((run / "plan.json").read_text())
        plan["trials"][0]["faults"][0]["asked"]["jitter_ns"] = 0
        (run / "plan.json").write_text(json.dumps(plan))

    summary = rebuilt(files=constant, delay_asked=asked_s, delay_real=asked_s, jitter=0.0)
    measured = fault_of(summary, "delay-1")["measured"]
    assert measured["judged"] == "too small to see (resolution 2 ms)"
    assert measured["difference_percent"] is None


def test_a_delay_that_lacked_its_jitter(rebuilt: Rebuilt) -> None:
    fault = fault_of(rebuilt(jitter=0.001), "delay-1")
    told = (fault["state"], fault["reason"])
    assert told == ("indeterminate", "no jitter between h1 and h2 from 20.0 to 30.0 s")


def test_a_jitter_below_what_probes_resolve_is_said_to_be_so(rebuilt: Rebuilt) -> None:
    def steady(run: Path) -> None:
        plan = json.loads((run / "plan.json").read_text())
        plan["trials"][0]["faults"][0]["asked"]["jitter_ns"] = 1_000_000
        (run / "plan.json").write_text(json.dumps(plan))

    fault = fault_of(rebuilt(files=steady, jitter=0.0), "delay-1")
    word = "as asked, its jitter too small to see (resolution 2 ms)"
    assert (fault["state"], fault["measured"]["judged"]) == ("installed", word)
