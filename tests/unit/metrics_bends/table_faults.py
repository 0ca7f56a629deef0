"""Rows on faults: what vanished, ended late, was never recorded, or was another one than asked.

Points 4, 5, 8 and 12: asked and measured are told apart, and nobody else is blamed.
"""

from __future__ import annotations

from tests.unit.metrics_bends.evidence import (
    changed,
    cut_off,
    delayed,
    forgotten,
    journal,
    plan,
    planned,
    probes,
    repeated,
    shifted,
    told,
    undelayed,
)
from tests.unit.metrics_bends.files import gone, raw
from tests.unit.metrics_bends.records import edited, later, lost, nothing, together
from tests.unit.metrics_bends.row import REFUSED, SAME, Near, Row

DELAY, SPLIT = "faults.delay-1.state", "faults.partition-1.state"
UNSURE = "indeterminate"
MISSED = "metrics.slots.missed"


VANISHED = [
    Row(name="a delay gone for half its time", point=4, bend=undelayed(17, 21),
        says="delay-1 is indeterminate", figures={DELAY: UNSURE}),
    Row(name="a jittered delay gone for half its time", point=4, run="sim",
        bend=undelayed(29, 33), says="delay-1 is indeterminate",
        figures={DELAY: UNSURE}),
    Row(name="a delay of twice as much", point=4, bend=delayed(0.060, 14.2, 22.2),
        says="delay-1 is indeterminate: measured delay is off by 100 %"),
    Row(name="a delay never there", point=4, bend=undelayed(13, 23),
        says="delay-1 is indeterminate: measured delay is off by -"),
    Row(name="a loss of all between a pair", point=4, run="sim",
        bend=cut_off(38, 49, pair=("n1", "n2")),
        says="loss-1 is indeterminate: 100 % of the packets were lost between n1 and n2"),
]  # fmt: skip

RECORDS = [
    Row(name="no record of an end", point=4, bend=forgotten("partition-1", "healed", "n3"),
        says="partition-1 is indeterminate: no record of its end from n3"),
    Row(name="no record of a begin", point=4, bend=forgotten("delay-1", "installed", "n5"),
        says="delay-1 is indeterminate: no proof of installation from n5"),
    Row(name="no journal of a host", point=4, bend=gone("trials/1/hosts/n4/agent.jsonl"),
        says="no proof of installation from n4"),
    Row(name="healed five seconds late", point=4, bend=shifted("partition-1", "healed", "n3", 5),
        says="partition-1 is indeterminate: ended 5.0 s late"),
    Row(name="an agent that failed", point=4,
        bend=told("partition-1", "installed", "n4", state="failed", reason="nft"),
        says="partition-1 is indeterminate: n4: nft"),
    Row(name="an agent that skipped", point=4,
        bend=told("delay-1", "installed", "n1", state="skipped", reason="no queue"),
        says="delay-1 is skipped: n1: no queue"),
    Row(name="healed by another hand", point=4,
        bend=together(shifted("partition-1", "healed", "n1", -1),
                      told("partition-1", "healed", "n1", reason="heal")),
        says="partition-1 ended early"),
    Row(name="no state after", point=4, bend=gone("trials/1/hosts/n2/after.json"), says="n2"),
    Row(name="no state before", point=4, bend=gone("trials/1/hosts/n2/before.json"), says="n2"),
    Row(name="a state after that is not read", point=4, says="n2",
        bend=raw("trials/1/hosts/n2/after.json", lambda x: x[:20])),
    Row(name="another state after", point=4, says="n2: iptables differs after healing",
        bend=changed("trials/1/hosts/n2/after.json", lambda x: x.update(iptables=["-A"])),
        violated=("host_state_restored",)),
    Row(name="blocks that arrive before they were made", point=4,
        bend=later("n2", "received", "applied", by_s=-0.3), says="at n2"),
]  # fmt: skip

ENDS = [
    Row(name="a kill for good", point=5, run="sim", bend=nothing, verdict="pass",
        figures={"faults.kill-1.start_s": 86.0, "faults.kill-1.end_s": 96.0,
                 "metrics.slots.reasons.node down (kill-1)": 3}),
    Row(name="a kill for good recovers from nothing", point=5, run="sim", bend=nothing,
        verdict="pass", figures={"metrics.recovery_s.clock_drift-1.n": 0}),
    Row(name="a plan that lets a fault end before it begins", point=5,
        bend=plan(lambda x: planned(x, "kill-1").update(end_ns=1)), says="kill-1"),
    Row(name="a kill whose restart nobody planned", point=5,
        bend=plan(lambda x: planned(x, "kill-1").update(for_ns=None, end_ns=x["end_ns"])),
        says="n3: its node started again at 44."),
    Row(name="an end that only an agent recorded", point=5, run="sim", verdict="pass",
        bend=journal("n3", lambda x: [x, *([x | {"state": "healed", "t_ns": 96_500_000_000,
                     "between_ns": [96_499_000_000, 96_500_000_000]}]
                     if (x["fault"], x["state"]) == ("kill-1", "installed") else [])]),
        figures={"faults.kill-1.end_s": 96.0}),
]  # fmt: skip

BACK = "metrics.recovery_s.kill-1"
RECOVERY = [
    Row(name="a journal line written late", point=8, verdict="pass",
        bend=shifted("kill-1", "healed", "n3", 0.4, only_written=True),
        figures={f"{BACK}.p50": SAME}),
    Row(name="recovery is as sharp as its samples", point=8, verdict="pass", bend=nothing,
        figures={f"{BACK}.n": 1, f"{BACK}.undisturbed": 4}),
    Row(name="back for a sample only", point=8,
        bend=lost("n3", "slot_due", after=45.4, numbered=True),
        says="kill-1: recovers within 20 s: unknown, 1 of 1 hosts not back"),
    Row(name="two trials of a kill", point=8, verdict="pass", bend=repeated(2),
        figures={f"{BACK}.n": 2, f"{BACK}.undisturbed": 8}),
    Row(name="a heal that nobody recorded", point=8, bend=forgotten("kill-1", "healed", "n3"),
        says="kill-1 is indeterminate: no record of its end from n3"),
    Row(name="a heal half a second late", point=8, verdict="pass",
        bend=shifted("clock_step-1", "healed", "n2", 0.5),
        figures={"faults.clock_step-1.measured.end_error_ms": Near(500, 60)}),
]  # fmt: skip

OTHERS = [
    Row(name="a split is named by its groups", point=12, bend=nothing, verdict="pass",
        figures={"faults.partition-1.groups": [["n1", "n2", "n3"], ["n4", "n5"]]}),
    Row(name="another campaign's agent records", point=12,
        says="n1: hosts/n1/agent.jsonl: 2 records of another trial (other.1) were refused",
        bend=journal("n1", lambda x: [x, *([x | {"trial": "other.1", "state": "failed",
                     "reason": "theirs"}] if x["state"] == "installed" else [])]),
        figures={DELAY: "installed", SPLIT: "installed"}),
    Row(name="another trial's end of a fault", point=12,
        says="n2: hosts/n2/agent.jsonl: 3 records of another trial (other.1) were refused",
        bend=journal("n2", lambda x: [x, *([x | {"trial": "other.1",
                     "between_ns": [1, 2], "t_ns": 2}] if x["state"] == "healed" else [])]),
        figures={DELAY: "installed"}),
    Row(name="another campaign's events", point=12,
        bend=edited("n1", "started", lambda x: {"chain_id": "ab" * 32}, role="node"),
        says="n1: its node ran another chain than trial.json names"),
    Row(name="a split of other groups than asked", point=12,
        bend=plan(lambda x: planned(x, "partition-1").update(
            groups=[["n1", "n2", "n3", "n4"], ["n5"]])),
        says="partition-1 is indeterminate"),
    Row(name="a constant delay is read from the fastest", point=12, verdict="pass",
        bend=probes(lambda x: {"rtts_ns": [x["rtts_ns"][0], *(r + 40_000_000 for r in
                    x["rtts_ns"][1:])]} if x["rtts_ns"] else {}, 14, 22.5),
        figures={"faults.delay-1.measured.by": "fastest",
                 "faults.delay-1.measured.delay_ms": Near(60, 3)}),
    Row(name="a jittered delay is read from the medians", point=12, run="sim", bend=nothing,
        verdict="pass", figures={"faults.delay-1.measured.by": "median"}),
    Row(name="a fault of a host that is not there", point=12, verdict=REFUSED,
        says="kill-1: n8 is no host of the plan",
        bend=plan(lambda x: planned(x, "kill-1").update(targets=["n8"]))),
]  # fmt: skip

ROWS = [*VANISHED, *RECORDS, *ENDS, *RECOVERY, *OTHERS]
