"""Rows on damage: bytes, types and numbers that are not what was written, and names that bite.

Point 13: one line that names host and file, never a traceback, never an accusation.
"""

from __future__ import annotations

import re
from typing import Any

import zstandard

from tests.unit.metrics_bends.evidence import changed, journal, plan, planned, told
from tests.unit.metrics_bends.files import flipped, gone, packed, raw, text, value
from tests.unit.metrics_bends.folder import Folder
from tests.unit.metrics_bends.records import edited, nothing, together
from tests.unit.metrics_bends.row import REFUSED, SAME, Row

EVENTS = "trials/1/hosts/n2/events.jsonl.zst"
NOT_READ = "hosts/n2/events.jsonl.zst is damaged"
TRIAL = "trials/1/trial.json"


def _a_folder(folder: Folder) -> None:
    folder.events("n2").unlink()
    folder.events("n2").mkdir()


def _brackets(folder: Folder) -> None:
    """Put the whole run into a folder whose name is a pattern, beside the one that it matches."""
    folder.path.rename(folder.path.with_name("lab1"))
    near = Folder(folder.path.with_name("lab1"))
    target = folder.path.with_name("lab[1]")
    near.path.rename(target)
    near.path.mkdir()
    folder.path.symlink_to(target)


def _a_host_of_all(folder: Folder) -> None:
    """Call n2 by a pattern that the names of all hosts match, in every file."""
    folder.host("n2").rename(folder.host("n*"))
    for path in [path for path in folder.path.rglob("*") if path.is_file()]:
        is_packed = path.suffix == ".zst"
        data = zstandard.decompress(path.read_bytes()) if is_packed else path.read_bytes()
        data = re.sub(rb'"n2([".])', rb'"n*\1', data)
        path.write_bytes(zstandard.compress(data) if is_packed else data)


def _called_baseline(folder: Folder) -> None:
    """Call a fault by the name of a phase, in every file."""
    names = [folder.path / "plan.json", *folder.trial.glob("hosts/*/agent.jsonl")]
    for path in names:
        path.write_bytes(path.read_bytes().replace(b"delay-1", b"baseline"))


def _field(kind: str, **fields: Any) -> Any:
    """Return what puts wrong values into the first event of a kind that n2's node wrote."""
    return edited("n2", kind, lambda x: fields, role="node", count=1)


BYTES = [
    Row(name="a flipped byte at the beginning", point=13, says=NOT_READ,
        bend=packed("n2", lambda x: flipped(x, 0.0))),
    Row(name="a flipped byte in the middle", point=13, says="n2",
        bend=packed("n2", lambda x: flipped(x, 0.5))),
    Row(name="a flipped byte at the end", point=13, says="n2",
        bend=raw("trials/1/hosts/n2/events.jsonl.zst", lambda x: flipped(x, 1.0)), run="sim"),
    Row(name="not zst", point=13, bend=packed("n2", lambda x: b"PK\3\4" + x), says=NOT_READ),
    Row(name="an empty archive", point=13, bend=packed("n2", lambda x: b""),
        says="no events were collected from n2"),
    Row(name="a folder in the place of an archive", point=13, bend=_a_folder, says=NOT_READ),
    Row(name="no archive", point=13, bend=gone(EVENTS), says="no events were collected from n2"),
    Row(name="random text", point=13, bend=text("n2", lambda x: b"\xff\xfe\n" * 999),
        says="n2"),
    Row(name="deep nesting", point=13, verdict="pass",
        bend=text("n2", lambda x: x + b"[" * 100_000 + b"\n"), says="n2: 1 broken event lines"),
    Row(name="a line of ten megabytes", point=13, verdict="pass", run="sim",
        bend=text("n2", lambda x: x + b'{"kind":"' + b"x" * 10_000_000 + b'"}\n'),
        says="n2: 1 broken event lines"),
    Row(name="blank lines", point=13, verdict="pass", figures={"metrics.slots": SAME},
        bend=text("n2", lambda x: x + b"\n\n \n")),
    Row(name="numbers without end", point=13, verdict="pass",
        bend=text("n2", lambda x: x + b'{"v":' + b"9" * 100_000 + b"}\n"),
        says="n2: 1 broken event lines"),
]  # fmt: skip

FIELDS = [
    Row(name="a missing field", point=13, bend=value("n2", b'"previous"', b'"former"'),
        says="n2 lost 1 events"),
    Row(name="slot 0", point=13, bend=_field("applied", slot=0), says="n2"),
    Row(name="slot 0 in a slot told", point=13, bend=_field("slot_due", slot=0), verdict="pass"),
    Row(name="a slot of letters", point=13, bend=_field("applied", slot="abc"),
        says="n2 lost 1 events"),
    Row(name="a slot too large", point=13, bend=_field("applied", slot=2**63 - 1), says="n2"),
    Row(name="a number of thirty digits", point=13, says="n2 lost 1 events",
        bend=value("n2", b'"num":2,', b'"num":1' + b"0" * 30 + b",")),
    Row(name="a number with an exponent", point=13, says="n2 lost 1 events",
        bend=value("n2", b'"num":2,', b'"num":1e30,')),
    Row(name="a number below zero", point=13, bend=_field("applied", num=-2),
        says="n2 lost 1 events"),
    Row(name="a number that is none", point=13, bend=_field("applied", num=None),
        says="n2 lost 1 events"),
    Row(name="a raw clock of thirty digits", point=13, says="n2",
        bend=value("n2", b'"mono_ns":', b'"mono_ns":9' + b"0" * 30)),
    Row(name="a raw clock far away", point=13, says="n2",
        bend=edited("n2", "slot_due", lambda x: {"mono_ns": 2**61}, after=20, count=1)),
    Row(name="a wall clock far away", point=13, run="sim",
        bend=edited("n2", "slot_due", lambda x: {"wall_ns": 0}, after=20, count=1),
        verdict="pass", figures={"metrics.slots.missed": SAME}),
    Row(name="no such text", point=13, bend=value("n2", b'"previous":"', b'"previous":"\xff'),
        says="n2 lost 1 events"),
    Row(name="a kind from the future", point=13, verdict="pass", says="from_the_future",
        bend=edited("n2", "process", lambda x: {"kind": "from_the_future"})),
    Row(name="probe stamps far away", point=13, says="n2",
        bend=edited("n2", "probe", lambda x: {"t2_ns": 2**61, "t3_ns": 2**61} if x["received"]
                    else {}, count=9)),
    Row(name="a round trip below zero", point=13, says="delay-1",
        bend=edited("n2", "probe", lambda x: {"rtts_ns": [-5] * len(x["rtts_ns"])}, after=14,
                    before=22)),
]  # fmt: skip

PLANS = [
    Row(name=name, point=13, verdict=REFUSED, says="plan.json", bend=bend, run=run)
    for name, run, bend in (
        ("no plan", "lab", gone("plan.json")),
        ("a plan of bytes", "lab", raw("plan.json", lambda x: b"\xff" + x)),
        ("half a plan", "sim", raw("plan.json", lambda x: x[: len(x) // 2])),
        ("a plan without producers", "lab", plan(lambda x: x.update(producers=[]))),
        ("a plan without hosts", "sim", plan(lambda x: x.update(hosts=[]))),
        ("a plan with slots of no time", "lab", plan(lambda x: x.update(slot_ns=0))),
        ("a plan that ends in the far future", "lab", plan(lambda x: x.update(end_ns=10**30))),
        ("a plan that ends in words", "sim", plan(lambda x: x.update(end_ns="abc"))),
    )
]  # fmt: skip

FILES = [
    Row(name="a trial never run", point=13, bend=gone(TRIAL), says="trial 1 was never run"),
    Row(name="a trial file of bytes", point=13, bend=raw(TRIAL, lambda x: b"\xff"),
        says="trial.json"),
    Row(name="a trial without T0", point=13, bend=changed(TRIAL, lambda x: x.pop("t0_wall_ns")),
        says="trial.json", run="sim"),
    Row(name="another T0", point=13, says="n1: its node stopped at",
        bend=changed(TRIAL, lambda x: x.update(t0_wall_ns=x["t0_wall_ns"] + 3_600 * 10**9))),
    Row(name="a trial that was interrupted", point=13, says="the trial is interrupted: Ctrl-C",
        bend=changed(TRIAL, lambda x: x.update(state="interrupted", reason="Ctrl-C"))),
    Row(name="control characters in a reason", point=13, says="the trial is failed: ",
        bend=changed(TRIAL, lambda x: x.update(state="failed", reason="\x1b[2J\x00\x07!"))),
    Row(name="control characters from a host", point=13, verdict="pass",
        bend=edited("n2", "abstained", lambda x: {"reason": "\x1b[2J\x00<b>"})),
    Row(name="a broken line in a journal", point=13, says="n1: hosts/n1/agent.jsonl: line",
        bend=raw("trials/1/hosts/n1/agent.jsonl", lambda x: x + b"{\n")),
    Row(name="a broken line in a journal", point=13, run="sim",
        says="n3: hosts/n3/agent.jsonl: line",
        bend=raw("trials/1/hosts/n3/agent.jsonl", lambda x: x + b'{"host":"n3","t_ns":"abc"}\n')),
    Row(name="a journal of brackets", point=13, says="n1: hosts/n1/agent.jsonl: line",
        bend=raw("trials/1/hosts/n1/agent.jsonl", lambda x: x + b"[" * 100_000 + b"\n")),
    Row(name="a journal of bytes", point=13, says="n1: hosts/n1/agent.jsonl: line",
        bend=raw("trials/1/hosts/n1/agent.jsonl", lambda x: b"\xff\0\xfe")),
    Row(name="an agent whose T0 is far away", point=13, says="n2",
        bend=journal("n2", lambda x: [x | {"read_back": {"t0_mono_ns": 2**70}}
                                      if x["state"] == "armed" else x])),
    Row(name="what was read back is text", point=13,
        says="n3: hosts/n3/agent.jsonl: line",
        bend=told("kill-1", "healed", "n3", read_back={"dropped": "many", "seen": "abc"})),
    Row(name="drops of thirty digits", point=13, run="sim", says="cut-1",
        bend=told("cut-1", "healed", "n2", read_back={"dropped": {"input": "abc"}})),
    Row(name="a delay of words", point=13, verdict=REFUSED, says="delay-1: asked",
        bend=plan(lambda x: planned(x, "delay-1")["asked"].update(delay_ns="abc"))),
    Row(name="a limit of words", point=13, verdict=REFUSED, says="plan.json",
        bend=plan(lambda x: x["expect"].update(each_fault={"recovers_within": "abc"}))),
    Row(name="headers' verdict of bytes", point=13, says="headers_valid",
        verdict="pass", bend=raw("trials/1/verify.json", lambda x: b"\xff")),
    Row(name="headers' verdict without its witnesses", point=13, says="headers_valid",
        verdict="pass",
        bend=changed("trials/1/verify.json",
                     lambda x: x.update(verdict="violated", details=[{}]))),
    Row(name="a fault called baseline", point=13, verdict=REFUSED, says="baseline",
        bend=_called_baseline),
    Row(name="a folder whose name is a pattern", point=13, verdict="pass", bend=_brackets,
        figures={"metrics.slots": SAME}),
    Row(name="a host whose name is a pattern", point=13, verdict="pass", bend=_a_host_of_all,
        figures={"metrics.slots": SAME, "metrics.finality_latency_s": SAME}),
    Row(name="an old summary beside the record", point=13, verdict="pass", run="sim",
        bend=together(nothing, lambda folder: folder.write_json("summary.json", {"a": 1})),
        figures={"metrics": SAME}),
]  # fmt: skip

ROWS = [*BYTES, *FIELDS, *PLANS, *FILES]
