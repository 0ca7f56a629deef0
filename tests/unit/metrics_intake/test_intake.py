"""What damage to a run's files leads to: never a traceback, never an accusation of the chain."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from metrics.model.printable import printable_lines
from metrics.model.run_folder import RunError
from tests.unit.metrics_build import bend
from tests.unit.metrics_build.bend import Rebuilt


def _asked(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return what asks that of each fault of the plan."""
    return lambda plan: [fault["asked"].update({key: value}) for fault in _faults(plan)] and None


def _faults(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return list(plan["trials"][0]["faults"])


LIMITS: dict[str, Any] = {"finality_latency_s": {"p95": {"max": 10**30}}}
MISFITS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no block a turn": (lambda p: p.update(blocks_per_turn=0), "blocks_per_turn"),
    "a host twice": (lambda p: p["hosts"].append(p["hosts"][0]), "hosts: h1 is there twice"),
    "a cell nobody knows": (lambda p: p["trials"][0].update(cell=7), "trial 1: cell 7 is not in"),
    "a cell twice": (lambda p: p["cells"].append(p["cells"][0]), "cells: 1 is there twice"),
    "a trial twice": (lambda p: p["trials"].append(p["trials"][0]), "trials: 1 is there twice"),
    "a fault twice": (lambda p: _faults(p)[1].update(id="delay-1"), "faults: delay-1 is there"),
    "a stranger": (lambda p: _faults(p)[3].update(targets=["h9"]), "kill-1: h9 is no host"),
    "a delay of letters": (_asked("delay_ns", "abc"), "delay-1: asked: Expected `int"),
    "a delay too large": (_asked("delay_ns", 10**30), "delay-1: asked: "),
    "no delay": (lambda p: _faults(p)[0].update(asked={}), "delay-1: asked: no delay_ns"),
    "a share of letters": (_asked("share", "abc"), "delay-1: asked: Expected `float"),
    "a step of a list": (_asked("by_ns", []), "asked: Expected `int"),
    "a limit too large": (lambda p: p["expect"].update(baseline=LIMITS), "expect: baseline: fin"),
    "a limit of letters": (lambda p: p["expect"].update(
        {"baseline": {"slots.missed": {"max": "abc"}}}), "expect: baseline: slots.missed: "),
    "no figure": (lambda p: p["expect"].update(
        {"baseline": {"finality_latency_s": {"p59": {"max": 1}}}}), "expect: baseline: fin"),
    "a recovery of letters": (lambda p: p["expect"].update(
        each_fault={"recovers_within": "abc"}), "expect: each_fault: "),
    "checks that are none": (lambda p: p["expect"].update(always=3), "expect: always: "),
}  # fmt: skip


@pytest.mark.parametrize("misfit", MISFITS)
def test_a_plan_that_does_not_fit_together_is_one_line(rebuilt: Rebuilt, misfit: str) -> None:
    change, said = MISFITS[misfit]
    with pytest.raises(RunError) as caught:
        rebuilt(files=bend.in_plan(change))
    assert "plan.json: " in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


TRIAL_FILES = {
    "empty": b"", "torn": b"{", "no text": b"\xff", "nested": b"[" * 100_000, "keys": b'{"n":1}',
}  # fmt: skip


@pytest.mark.parametrize("damage", [*TRIAL_FILES, "a folder", "another's"])
def test_a_damaged_trial_file_makes_that_trial_invalid_and_the_others_are_reported(
    reported: Rebuilt, damage: str
) -> None:
    def damaged(run: Path) -> None:
        bend.repeat(run)
        path = run / "trials/1/trial.json"
        path.unlink()
        if damage in TRIAL_FILES:
            path.write_bytes(TRIAL_FILES[damage])
        elif damage == "a folder":
            path.mkdir()
        else:
            path.write_bytes((run / "trials/2/trial.json").read_bytes())

    summary = reported(files=damaged)
    assert summary["verdict"] == "invalid"
    [reason] = summary["invalid"]
    assert reason.startswith("trial 1: trials/1/trial.json: ")
    trials = [(t["n"], t["verdict"]) for cell in summary["cells"] for t in cell["trials"]]
    assert trials == [(2, "pass")]


VERIFIED: dict[str, Any] = {
    "no evidence": {"verdict": "violated", "details": []},
    "no words": {"verdict": "violated", "evidence": 3},
    "details of letters": {"verdict": "violated", "evidence": "x", "details": "abc"},
    "a witness of nothing": {"verdict": "violated", "evidence": "x", "details": [{"nums": 3}]},
    "a list": [],
}


@pytest.mark.parametrize("damage", VERIFIED)
def test_a_damaged_verification_says_nothing_of_the_headers(rebuilt: Rebuilt, damage: str) -> None:
    text = json.dumps(VERIFIED[damage]).encode()
    summary = rebuilt(files=lambda run: (run / "trials/1/verify.json").write_bytes(text))
    check = next(c for c in summary["checks"] if c["name"] == "headers_valid")
    assert check["verdict"] == "unknown"


def test_what_does_not_print_reaches_neither_xml_nor_page_nor_terminal(
    reported: Rebuilt, tmp_path: Path
) -> None:
    reason = "\x1b[2J\x00\u202egnp.\u2066\n!"

    def stop(run: Path) -> None:
        path = run / "trials/1/trial.json"
        told = {**json.loads(path.read_text()), "state": "failed", "reason": reason}
        path.write_text(json.dumps(told))

    reported(files=stop)
    error = ElementTree.parse(tmp_path / "run/junit.xml").find(".//error")
    assert error is not None
    written = r"\x1b[2J\x00\u202egnp.\u2066\n!"
    assert (error.text or "").endswith(written)
    page = (tmp_path / "run/report.html").read_text()
    assert f"failed: {written}</li>" in page
    of_us = page[page.index("</script>") :].replace("\n", "")
    assert [c for c in of_us if not c.isprintable()] == []
    assert printable_lines(f"{reason}ü\t") == written.replace(r"\n", "\n") + "ü\t"
