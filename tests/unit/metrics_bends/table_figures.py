"""Rows on figures: transactions, views of finality, phases, intervals and bounds.

Points 6, 7, 9, 10 and 11: a figure is computed from what is true, or says what it does not know.
"""

from __future__ import annotations

from typing import Any

from tests.unit.metrics_bends.evidence import repeated, shifted
from tests.unit.metrics_bends.files import packed
from tests.unit.metrics_bends.records import (
    asymmetric,
    counted,
    edited,
    everywhere,
    gathered,
    held_back,
    later,
    lost,
    other_clock,
    put_again,
    taken_out,
)
from tests.unit.metrics_bends.row import SAME, Inside, Near, Row, Than, Times, Within

TX = "metrics.transactions"
UNITS = 5 * 10**12
"""What the accounts of the recorded chain began with."""
FINALITY = "metrics.finality_latency_"
VIEWS = ("s", "first_s", "median_s", "last_s")
BASELINE = "cells.0.phases.baseline."


def _told(*states: str) -> Any:
    return lambda line: line["state"] in states


def _bursting(start_ns: int, ppm: int) -> Any:
    """Return a raw clock that runs fast by so much for 10 s from a reading on."""

    def reading(ns: int) -> int:
        return ns + max(0, min(ns - start_ns, 10_000_000_000)) * ppm // 1_000_000

    return reading


TRANSACTIONS = [
    Row(name="transactions told of together", point=6, verdict="pass",
        bend=everywhere(gathered), figures={TX: SAME}),
    Row(name="an entry node that forgot", point=6, verdict="pass",
        bend=lost("n1", "txs", role="node", numbered=True), figures={TX: SAME}),
    Row(name="an entry node that remembers wrongly", point=6, verdict="pass",
        bend=edited("n1", "txs", lambda x: {"state": "expired"} if x["state"] == "irreversible"
                    else {}, role="node"),
        figures={f"{TX}.irreversible": SAME, f"{TX}.lost": 0, f"{TX}.expired": 0}),
    Row(name="transactions in no block", point=6, verdict="fail",
        bend=taken_out(3, on="n2", before=40), violated=("nothing_irreversible_lost",),
        says="as the client of n2 was told",
        figures={f"{TX}.sent": SAME, f"{TX}.irreversible": Than(-3), f"{TX}.lost": 3,
                 f"{TX}.lost_by_host": {"n2": 3}}),
    Row(name="a transaction in two blocks", point=6, verdict="fail", bend=put_again(9, after=3),
        violated=("transactions_once",), says="and again in block"),
    Row(name="as many units at the end as there were", point=6, verdict="pass",
        bend=everywhere(lambda host: counted(host, UNITS)), says=f"{UNITS} units and at most 0"),
    Row(name="a unit too many at the end", point=6, verdict="fail",
        bend=everywhere(lambda host: counted(host, UNITS + (host == "n2"))),
        violated=("supply_conserved",), says=f"n2: after block 2 there are {UNITS + 1} units"),
    Row(name="a node that ends without a word on its units", point=6, verdict="pass",
        bend=counted("n2", UNITS), says="ended without telling what there is"),
    Row(name="transactions nobody sent", point=6, verdict="pass",
        bend=lost("n2", "txs", role="client", numbered=True, after=6, count=4,
                  where=_told("sent")),
        figures={f"{TX}.sent": Than(-4), f"{TX}.irreversible": Than(-4), f"{TX}.lost": 0}),
    Row(name="a record that does not say what blocks hold", point=6, verdict="pass",
        bend=everywhere(lambda h: edited(h, "applied", lambda x: {"transactions": []})),
        figures={f"{TX}.lost": None, f"{TX}.irreversible": None, f"{TX}.sent": SAME}),
]  # fmt: skip

ORDER = [
    Row(name="a host twenty milliseconds asymmetric", point=7, verdict="pass",
        bend=asymmetric("n4", 0.020),
        figures={f"{FINALITY}{view}": Within(key) for view in VIEWS for key in ("p50",)}),
    Row(name="an observer twenty milliseconds asymmetric", point=7, verdict="pass",
        bend=asymmetric("n5", 0.020),
        figures={f"{FINALITY}{view}": Within("max") for view in VIEWS}),
    Row(name="one host far behind is the last", point=7, verdict="pass",
        bend=held_back("n5", 8.0, 9.8),
        figures={f"{BASELINE}finality_latency_s.n": SAME,
                 f"{BASELINE}finality_latency_s.min": Near(3.51, 0.03)}),
]  # fmt: skip

PHASES = [
    Row(name="the next fault delays finality", point=9, verdict="pass",
        bend=everywhere(lambda h: held_back(h, 14.2, 20)),
        figures={f"{BASELINE}finality_latency_s.n": SAME,
                 f"{BASELINE}finality_latency_s.max": SAME,
                 f"{BASELINE}finality_crossing": SAME}),
    Row(name="a phase begins on its last host", point=9, verdict="pass",
        bend=shifted("delay-1", "installed", "n5", 0.6),
        figures={"cells.0.phases.delay-1.slots.expected": Than(-1)}),
    Row(name="a phase ends on its first host", point=9, run="sim", verdict="pass",
        bend=shifted("cut-1", "healed", "n3", 0.9),
        figures={"cells.0.phases.recovery.slots.expected": Than(-1)}),
]  # fmt: skip

INTERVALS = [
    Row(name="two trials carry no interval", point=10, run="sim", verdict="pass", bend=repeated(2),
        figures={f"{FINALITY}s.ci": None, f"{FINALITY}s.n": Times(2)}),
    Row(name="six trials carry an interval of the median", point=10, run="sim", verdict="pass",
        bend=repeated(6), figures={f"{FINALITY}s.p50": SAME, f"{FINALITY}s": Inside("p50")}),
    Row(name="few samples carry no high quantile", point=10, run="sim", verdict="pass",
        bend=repeated(1), figures={f"{FINALITY}s.p99": None, f"{FINALITY}s.p999": None}),
    Row(name="few samples of a phase carry no high quantile", point=10, verdict="pass",
        bend=repeated(1), figures={f"{BASELINE}finality_latency_s.p95": None}),
]  # fmt: skip

BOUNDS = [
    Row(name="a burst of sixty ppm", point=11, run="sim", verdict="pass",
        bend=other_clock("n4", _bursting(6_780_000_000_000, 60)),
        figures={f"{FINALITY}last_s": Within("p50"), f"{FINALITY}s": Within("p50")}),
    Row(name="a raw clock that jumps", point=11, run="sim",
        bend=other_clock("n4", lambda ns: ns + (40_000_000 if ns > 6_790_000_000_000 else 0)),
        says="n4"),
    Row(name="probes that contradict each other", point=11, says="contradict",
        bend=edited("n1", "probe", lambda x: {k: x[k] + 40_000_000 for k in ("t2_ns", "t3_ns")}
                    if x["flow"] == "clock" and x["received"] else {}, after=30, before=32)),
    Row(name="a propagation half a second long", point=11, verdict="pass",
        bend=later("n5", "received", by_s=0.5, after=5, before=13),
        figures={f"{BASELINE}propagation_ms.n1.n5.p50": Near(500, 30)}),
    Row(name="the second of two trials damaged", point=11, run="sim",
        bend=repeated(2, packed("n3", lambda raw: raw[:-9])), says="trial 2: n3: hosts/n3/"),
]  # fmt: skip

ROWS = [*TRANSACTIONS, *ORDER, *PHASES, *INTERVALS, *BOUNDS]
