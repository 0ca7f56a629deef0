"""Rows on who wrote when: nodes that die, chains that stop, tails and heads of files that are gone.

Points 1 to 3: no death unasked, no standstill and no loss of a record passes.
"""

from __future__ import annotations

import zstandard

from tests.unit.metrics_bends import files
from tests.unit.metrics_bends.folder import Folder, Line, joined, renumbered
from tests.unit.metrics_bends.records import (
    edited,
    emptied,
    given_up,
    halted,
    later,
    lines,
    lost,
    other_clock,
    restarted,
    role_of,
    together,
    unanswered,
)
from tests.unit.metrics_bends.row import SAME, Row, Than, Within

MISSED, UNKNOWN = "metrics.slots.missed", "metrics.slots.unknown"
NEVER_BACK = tuple(f"{x}: recovers within 20 s" for x in ("ntp_cut-1", "ntp_offset-1", "pause-1"))
HALTED = (
    "baseline.finality_latency_s.p50 ≤ 8 s", "delay-1: recovers within 20 s",
    "partition-1: recovers within 20 s",
)  # fmt: skip
HOUR_NS = 3_600_000_000_000


def _repeat(own: list[Line]) -> list[Line]:
    """Number what the node wrote after its restart from before the kill on."""
    start = max(i for i, x in enumerate(own) if x["kind"] == "started" and role_of(x) == "node")
    first = own[start]["seq"]
    for line in own[start:]:
        if role_of(line) == "node":
            line["seq"] += first - 20 - first
    return own


def _shuffled(own: list[Line]) -> list[Line]:
    return own[1::2] + own[::2]


def _half(text: bytes) -> bytes:
    """Return the lines of a file that was cut off in the middle of one, at two thirds."""
    return text[: len(text) * 2 // 3]


def _stranger(folder: Folder) -> None:
    target = folder.trial / "hosts/n9"
    target.mkdir()
    own = [x | {"host": "n9", "node": x["node"].replace("n1", "n9")} for x in folder.lines("n1")]
    (target / "events.jsonl.zst").write_bytes(zstandard.compress(joined(own)))


DEATHS = [
    Row(name="a node dies", point=1, bend=lost("n1", role="node", after=10.2),
        says="n1: its node says nothing after 10.", figures={MISSED: SAME, UNKNOWN: SAME}),
    Row(name="an observer dies", point=1, bend=lost("n5", role="node", after=35.2),
        says="n5: its node says nothing after 35.", figures={MISSED: SAME}),
    Row(name="a host dies and its slots stay empty", point=1,
        bend=together(emptied(44.5, of="producera"), lost("n1", after=44.5)),
        says="n1: its node says nothing after 44.", figures={MISSED: Than(3), UNKNOWN: SAME}),
    Row(name="a node signs nothing and says nothing of it", point=1, verdict="pass",
        bend=emptied(44.5, of="producera"), figures={MISSED: Than(3), UNKNOWN: SAME}),
    Row(name="a prober dies", point=1, bend=lost("n3", role="probe", after=20),
        says="n3: its probe says nothing after"),
    Row(name="a client dies", point=1, run="sim", bend=lost("n1", role="client", after=20),
        says="n1: its client says nothing after"),
    Row(name="a node stops early", point=1,
        bend=together(lost("n1", role="node", after=40, where=lambda x: x["kind"] != "stopped",
                           numbered=True), later("n1", "stopped", by_s=-12)),
        says="n1: its node stopped at"),
    Row(name="a node never says that it stopped", point=1,
        bend=lost("n4", "stopped", role="node"), says="n4: its node says nothing after"),
    Row(name="a node starts again", point=1, bend=restarted("n1", 20),
        says="n1: its node started again at 20.0 s, which nobody planned"),
    Row(name="a killed node never comes back", point=1,
        bend=lost("n3", role="node", after=43), says="kill-1 is indeterminate: the killed node"),
    Row(name="a node dies long before its kill", point=1,
        bend=lost("n3", role="node", after=30, before=43.9),
        says="n3: its node started again at 44."),
    Row(name="a node lives on after a kill for good", point=1, run="sim",
        bend=lines("n3", lambda own: renumbered([*own, own[-1] | {"node": "n3"}])),
        says="n3"),
]  # fmt: skip

STANDSTILLS = [
    Row(name="no block any more", point=2, run="sim", bend=halted(56.0),
        says="clock_drift-1: recovers within 20 s: unknown, 4 of 4 hosts not back",
        violated=NEVER_BACK),
    Row(name="no block any more from the beginning", point=2, bend=halted(6.0),
        says="no_conflicting_finality: unknown, no block became final", violated=HALTED),
    Row(name="blocks but none final", point=2, run="sim",
        bend=together(*(together(
            lost(h, "irreversible", after=56, numbered=True),
            edited(h, "slot_due", lambda x: {"lib_num": 50}, after=56),
        ) for h in ("n1", "n2", "n3", "n4"))),
        says="clock_drift-1: recovers within 20 s: unknown", violated=NEVER_BACK),
    Row(name="nothing ever final", point=2,
        bend=together(*(lost(f"n{i}", "irreversible", numbered=True) for i in range(1, 6))),
        verdict="fail", says="finality_resumes: finality stood still for 14.000 s",
        violated=("baseline.finality_latency_s.p50 ≤ 8 s", "finality_resumes",
                  "partition-1: recovers within 20 s")),
    Row(name="no new block after the kill", point=2, bend=halted(44.3),
        says="kill-1: recovers within 20 s: unknown"),
]  # fmt: skip

RECORDS = [
    Row(name="no clock probe of a host is answered", point=3, bend=unanswered("n3", own=True),
        says="unrelated: n3"),
    Row(name="a host answers no clock probe but asks", point=3, bend=unanswered("n5"),
        verdict="pass", figures={MISSED: SAME}),
    Row(name="no clock probe anywhere", point=3,
        bend=together(*(edited(f"n{i}", "probe", lambda x: given_up() if x["flow"] == "clock"
                               else {}) for i in range(1, 6))), says="unrelated: n"),
    Row(name="no event in a whole archive", point=3, bend=lines("n2", lambda own: []),
        says="no events were collected from n2"),
    Row(name="no event of a node", point=3, bend=lost("n1", role="node"),
        says="n1: no event of its node"),
    Row(name="no event of a prober", point=3, bend=lost("n1", role="probe"),
        says="n1: no event of its probe"),
    Row(name="no event of a client", point=3, run="sim", bend=lost("n3", role="client"),
        says="n3: no event of its client"),
    Row(name="a tail is lost in the middle of a line", point=3, bend=files.text("n2", _half),
        says="n2"),
    Row(name="a tail is NUL bytes", point=3,
        bend=files.text("n2", lambda x: _half(x) + b"\0" * (len(x) // 3)), says="n2"),
    Row(name="NUL bytes between whole lines", point=3, verdict="pass",
        bend=files.text("n2", lambda x: x.replace(b"\n", b"\n" + b"\0" * 99, 1)),
        says="n2: 1 lines held NUL bytes"),
    Row(name="half a line at the end", point=3, run="sim", verdict="pass",
        bend=files.text("n1", lambda x: x + b'{"v":1,"kind":"sl'),
        says="n1: 1 broken event lines were rejected"),
    Row(name="the first lines of a node", point=3,
        bend=lost("n1", role="node", before=1), says="n1 lost"),
    Row(name="three lines in the middle", point=3,
        bend=lost("n1", "applied", after=20, count=3), says="n1 lost"),
    Row(name="lines twice", point=3, verdict="pass", bend=files.text("n4", lambda x: x + x),
        says="n4: ", figures={MISSED: SAME, "metrics.transactions": SAME}),
    Row(name="lines in another order", point=3, verdict="pass", bend=lines("n4", _shuffled),
        figures={"cells": SAME}),
    Row(name="a restarted writer repeats lost numbers", point=3, bend=lines("n3", _repeat),
        says="of n3 was given twice"),
    Row(name="two hosts' files exchanged", point=3, bend=files.exchanged("n1", "n2"),
        says="n1: hosts/n1/events.jsonl.zst holds"),
    Row(name="a host's file in another's place", point=3, bend=files.in_the_place_of("n4", "n5"),
        says="n4: hosts/n4/events.jsonl.zst holds"),
    Row(name="two hosts' files glued together", point=3, bend=files.glued("n1", "n2"),
        says="n1: hosts/n1/events.jsonl.zst holds"),
    Row(name="a file glued to itself", point=3, run="sim", bend=files.glued("n1", "n1"),
        verdict="pass", says="n1: "),
    Row(name="an archive cut in the middle", point=3,
        bend=files.packed("n2", lambda raw: raw[: len(raw) // 2]), says="n2/events.jsonl.zst"),
    Row(name="an archive and what is beside it unpacked", point=3, verdict="pass",
        bend=lambda folder: (folder.host("n1") / "events.jsonl").write_bytes(
            zstandard.decompress(folder.events("n1").read_bytes())) and None, says="n1: "),
    Row(name="a stranger's folder", point=3,
        bend=_stranger, says="n9: hosts/n9 holds events of a host that is not in the plan"),
    Row(name="another clock origin", point=3, verdict="pass",
        bend=other_clock("n4", lambda ns: ns + 5 * HOUR_NS),
        figures={MISSED: SAME, "metrics.finality_latency_last_s": Within("p50")}),
    Row(name="a clock that runs away", point=3, run="sim", verdict="pass",
        bend=other_clock("n4", lambda ns: ns + ns // 20_000), figures={MISSED: SAME}),
]  # fmt: skip


ROWS = [*DEATHS, *STANDSTILLS, *RECORDS]
