"""What damage to a run's files leads to: never a traceback, never an accusation of the chain."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import zstandard

from metrics.model.printable import printable_lines
from metrics.model.run_folder import RunError

pytestmark = pytest.mark.slow

Rebuilt = Callable[..., dict[str, Any]]
Change = Callable[[bytes], bytes]


def _events(run: Path, host: str = "h2") -> Path:
    return run / f"trials/1/hosts/{host}/events.jsonl.zst"


def _raw(change: Change) -> Callable[[Path], None]:
    """Return what changes the compressed bytes of h2's events."""
    return lambda run: _write(_events(run), change(_events(run).read_bytes()))


def _text(change: Change) -> Callable[[Path], None]:
    """Return what changes the lines of h2's events."""
    return _raw(lambda raw: zstandard.compress(change(zstandard.decompress(raw)), 3))


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _value(old: bytes, new: bytes) -> Callable[[Path], None]:
    """Return what replaces the first of a text in h2's events."""
    return _text(lambda text: text.replace(old, new, 1))


def _flip(raw: bytes) -> bytes:
    return raw[:3] + bytes([raw[3] ^ 0xFF]) + raw[4:]


def _without(text: bytes, *words: bytes) -> bytes:
    kept = [line for line in text.splitlines() if not any(word in line for word in words)]
    return b"\n".join(kept) + b"\n"


def _in_its_place(run: Path) -> None:
    _events(run, "h2").write_bytes(_events(run, "h3").read_bytes())


def _a_folder(run: Path) -> None:
    _events(run).unlink()
    _events(run).mkdir()


def _another_number(text: bytes) -> bytes:
    line = next(x for x in text.splitlines() if b'"kind":"process"' in x)
    return text + line.replace(b'"cpu_ns":0', b'"cpu_ns":1') + b"\n"


def _other_chain(run: Path) -> None:
    _value(b'"role":"node"', b'"role":"node","chain_id":"other"')(run)


INVALID = {
    "not zst": (_raw(lambda _: b"nothing of the kind"), "h2/events.jsonl.zst is damaged"),
    "a flipped byte": (_raw(_flip), "h2/events.jsonl.zst is damaged"),
    "cut in the middle": (_raw(lambda raw: raw[: len(raw) // 2]), "h2/events.jsonl.zst is damaged"),
    "a folder": (_a_folder, "h2/events.jsonl.zst is damaged"),
    "empty": (_raw(lambda _: b""), "no events were collected from h2"),
    "no line": (_text(lambda _: b""), "no events were collected from h2"),
    "the tail lost": (_text(lambda text: text[: len(text) // 2]), "h2"),
    "another's file": (_in_its_place, "h2/events.jsonl.zst holds"),
    "a number twice": (_text(_another_number), "of h2 was given twice"),
    "no probe": (_text(lambda x: _without(x, b'"h2.probe"')), "h2: no event of its probe"),
    "no node": (_text(lambda x: _without(x, b'"node":"h2"')), "h2: no event of its node"),
    "no end": (_text(lambda x: _without(x, b'"stopped"')), "h2: its node says nothing after"),
    "a number too large": (_value(b'"num":2', b'"num":1' + b"0" * 30), "h2 lost 1 events"),
    "a number of letters": (_value(b'"num":2', b'"num":"abc"'), "h2 lost 1 events"),
    "a number below zero": (_value(b'"num":2', b'"num":-2'), "h2 lost 1 events"),
    "no such text": (_value(b'"previous":"', b'"previous":"\xff'), "h2 lost 1 events"),
    "a missing field": (_value(b'"previous"', b'"former"'), "h2 lost 1 events"),
    "another chain": (_other_chain, "h2: its node ran another chain"),
}


@pytest.mark.parametrize("damage", INVALID)
def test_damage_makes_the_run_invalid_and_names_the_host(reported: Rebuilt, damage: str) -> None:
    files, said = INVALID[damage]
    summary = reported(files=files)
    assert summary["verdict"] == "invalid"
    assert any(said in reason for reason in summary["invalid"]), summary["invalid"]
    assert [c["name"] for c in summary["checks"] if c["verdict"] == "violated"] == []


HARMLESS = {
    "lines twice": (_text(lambda x: x + x), "lines came twice"),
    "NUL bytes": (_text(lambda x: x.replace(b"\n", b"\n" + b"\0" * 99, 1)), "NUL bytes"),
    "deep nesting": (_text(lambda x: x + b"[" * 100_000 + b"\n"), "1 broken event lines"),
    "half a line": (_text(lambda x: x + b'{"v":1,"kind"'), "1 broken event lines"),
    "blank lines": (_text(lambda x: x + b"\n\n \n"), ""),
}


@pytest.mark.parametrize("damage", HARMLESS)
def test_what_loses_nothing_is_at_most_noted(reported: Rebuilt, damage: str) -> None:
    files, said = HARMLESS[damage]
    summary = reported(files=files)
    assert (summary["verdict"], summary["invalid"]) == ("pass", [])
    assert not said or any("h2" in note and said in note for note in summary["notes"])


PLANS: dict[str, Any] = {
    "slot_ns": 0, "blocks_per_turn": 0, "producers": [], "hosts": [], "end_ns": 10**30,
}  # fmt: skip


@pytest.mark.parametrize("key", PLANS)
def test_a_plan_that_cannot_be_is_one_line_with_file_and_key(reported: Rebuilt, key: str) -> None:
    def bend(run: Path) -> None:
        plan = json.loads((run / "plan.json").read_text())
        (run / "plan.json").write_text(json.dumps({**plan, key: PLANS[key]}))

    with pytest.raises(RunError, match=rf"plan\.json: .*{key}"):
        reported(files=bend)


def _in_plan(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """Return what changes plan.json."""

    def bend(run: Path) -> None:
        plan = json.loads((run / "plan.json").read_text())
        change(plan)
        (run / "plan.json").write_text(json.dumps(plan))

    return bend


def _asked(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return what asks that of each fault of the plan."""
    return lambda plan: [fault["asked"].update({key: value}) for fault in _faults(plan)] and None


def _faults(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return list(plan["trials"][0]["faults"])


LIMITS: dict[str, Any] = {"finality_latency_s": {"p95": {"max": 10**30}}}
MISFITS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
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
def test_a_plan_that_does_not_fit_together_is_one_line(reported: Rebuilt, misfit: str) -> None:
    change, said = MISFITS[misfit]
    with pytest.raises(RunError) as caught:
        reported(files=_in_plan(change))
    assert "plan.json: " in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def _two_trials(run: Path) -> None:
    """Make the run one of two trials that went the same way."""
    plan = json.loads((run / "plan.json").read_text())
    plan["trials"].append({**plan["trials"][0], "n": 2})
    (run / "plan.json").write_text(json.dumps(plan))
    shutil.copytree(run / "trials/1", run / "trials/2")
    told = json.loads((run / "trials/2/trial.json").read_text())
    (run / "trials/2/trial.json").write_text(json.dumps({**told, "n": 2}))


TRIAL_FILES = {
    "empty": b"", "torn": b"{", "no text": b"\xff", "nested": b"[" * 100_000, "keys": b'{"n":1}',
}  # fmt: skip


@pytest.mark.parametrize("damage", [*TRIAL_FILES, "a folder", "another's"])
def test_a_damaged_trial_file_makes_that_trial_invalid_and_the_others_are_reported(
    reported: Rebuilt, damage: str
) -> None:
    def bend(run: Path) -> None:
        _two_trials(run)
        path = run / "trials/1/trial.json"
        path.unlink()
        if damage in TRIAL_FILES:
            path.write_bytes(TRIAL_FILES[damage])
        elif damage == "a folder":
            path.mkdir()
        else:
            path.write_bytes((run / "trials/2/trial.json").read_bytes())

    summary = reported(files=bend)
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
def test_a_damaged_verification_says_nothing_of_the_headers(reported: Rebuilt, damage: str) -> None:
    text = json.dumps(VERIFIED[damage]).encode()
    summary = reported(files=lambda run: _write(run / "trials/1/verify.json", text))
    check = next(c for c in summary["checks"] if c["name"] == "headers_valid")
    assert check["verdict"] == "unknown"


@pytest.mark.parametrize("line", [b"{", b"\xff", b"[" * 100_000, b'{"host":"h1","t_ns":"abc"}'])
def test_a_broken_journal_names_host_and_file(reported: Rebuilt, line: bytes) -> None:
    def tear(run: Path) -> None:
        path = run / "trials/1/hosts/h1/agent.jsonl"
        path.write_bytes(path.read_bytes() + line + b"\n")

    summary = reported(files=tear)
    assert summary["verdict"] == "invalid"
    assert any("h1: hosts/h1/agent.jsonl: line" in reason for reason in summary["invalid"])


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
