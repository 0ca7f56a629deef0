"""The highest load at which no slot is missed, found by itself, and what becomes of ten times that.

Loads are tried one after the other, each on new nodes: twice as much while all is well, then
between the highest that held and the lowest that did not. A load holds when no slot is missed,
nearly all that was asked is in blocks, and all of that is final soon after its end.
"""

import os
import statistics
from collections.abc import Mapping

from harness.bench.rig.load import Outcome, floor_s, measure, named
from harness.bench.row import Row
from harness.controller.console import Show, console_of
from harness.errors import RunError

LOAD_S = 15
STEPS_MAX = 8
APART = 1.1
"""In the end the lowest load that did not hold is at most so many times the highest that did."""
IN_BLOCKS_LEAST = 0.97
BEGIN_SHARE = 1 / 16
"""The first load, of what signatures alone would let pass."""
OVERLOAD = 10
CALM = "before the load"
HIGHEST = "at the highest load"


def rows() -> list[Row]:
    """Return the highest loads of four nodes and of one, and of each what ten times that does."""
    show = Show(console_of(stderr=True))
    processors = len(os.sched_getaffinity(0))
    found = []
    for nodes in (4, 1):
        signed_s = floor_s(nodes)
        tried: dict[int, Outcome] = {}
        while rate := next_rate(
            {asked: holds(outcome) for asked, outcome in tried.items()},
            begin=processors / signed_s * BEGIN_SHARE,
        ):
            tried[rate] = _measured(nodes, rate, show)
        held = [rate for rate, outcome in tried.items() if holds(outcome)]
        if not held:
            raise RunError(f"bench: {nodes} nodes did not hold any load, the least {min(tried)}/s")
        highest = tried[max(held)]
        found += at_highest(nodes, highest, signed_s=signed_s, processors=processors)
        found += overloaded(nodes, _measured(nodes, OVERLOAD * max(held), show), highest)
    return found


def next_rate(tried: Mapping[int, bool], *, begin: float) -> int | None:
    """Return the load to try next, None where the highest that holds is known well enough.

    tried: whether each held, by transfers a second.
    """
    held = max((rate for rate, well in tried.items() if well), default=None)
    broke = min((rate for rate, well in tried.items() if not well), default=None)
    if len(tried) == STEPS_MAX:
        return None
    if broke is None:
        return max(1, round(begin)) if held is None else 2 * held
    if held is None:
        return broke // 2 or None
    return round((held * broke) ** 0.5) if broke > max(held * APART, held + 1) else None


def holds(outcome: Outcome) -> bool:
    """Return whether a load held."""
    in_blocks = outcome.in_blocks >= IN_BLOCKS_LEAST * outcome.asked
    return outcome.missed == 0 and in_blocks and outcome.final


def at_highest(nodes: int, outcome: Outcome, *, signed_s: float, processors: int) -> list[Row]:
    """Return what is told of the highest load that held.

    signed_s: what the signatures of a transfer take of a processor, at all nodes.
    """
    who, n = named(nodes), outcome.in_blocks
    signatures_s = signed_s * n
    alone = f"signatures alone on {processors} processors"
    found = [
        _row(f"{who}, transfers with no slot missed", n / LOAD_S, "/s", n,
             floor=processors / signed_s, floor_is=alone),
        _row(f"{who}, signatures, of the machine's time",
             100 * signatures_s / (processors * LOAD_S), "%", n),
        _row(f"{who}, signatures, of the processors' work",
             100 * signatures_s / outcome.processor_s, "%", n),
        _row(f"{who}, memory of one at most", outcome.rss_mb, "MB", nodes,
             floor=outcome.calm_rss_mb, floor_is=CALM),
    ]  # fmt: skip
    if outcome.finality_s and outcome.calm_s:
        found += [
            _row(f"{who}, finality, {name}", of(outcome.finality_s), "s", len(outcome.finality_s),
                 floor=of(outcome.calm_s), floor_is=CALM)
            for name, of in (("median", statistics.median), ("largest", max))
        ]  # fmt: skip
    return found


def overloaded(nodes: int, outcome: Outcome, highest: Outcome) -> list[Row]:
    """Return what is told of a load that is OVERLOAD times the highest one that held."""
    who = f"{named(nodes)} at {100 * OVERLOAD} %"
    asked, late = outcome.asked, outcome.asked - outcome.sent
    nowhere = outcome.sent - outcome.in_blocks - sum(outcome.refused.values())
    return [
        _row(f"{who}, slots missed", outcome.missed, "", outcome.slots),
        _row(f"{who}, transfers", outcome.in_blocks / LOAD_S, "/s", outcome.in_blocks,
             floor=highest.in_blocks / LOAD_S, floor_is=HIGHEST),
        _row(f"{who}, memory of one at most", outcome.rss_mb, "MB", nodes,
             floor=highest.rss_mb, floor_is=HIGHEST),
        *(
            _row(f"{who}, refused as {reason}", 100 * count / asked, "%", asked)
            for reason, count in sorted(outcome.refused.items())
        ),
        _row(f"{who}, not sent by clients in time", 100 * late / asked, "%", asked),
        _row(f"{who}, sent, but neither refused nor in blocks", 100 * nowhere / asked, "%", asked),
    ]  # fmt: skip


def _measured(nodes: int, rate: int, show: Show) -> Outcome:
    """Return what became of a load, after a line about it."""
    outcome = measure(nodes, rate=rate, load_ns=LOAD_S * 10**9)
    show.step(
        f"{named(nodes)} at {rate}/s: {outcome.in_blocks} of {outcome.asked} in blocks,"
        f" {outcome.missed} of {outcome.slots} slots missed,"
        f" {'all' if outcome.final else 'not all'} final in time"
    )
    return outcome


def _row(
    what: str, value: float, unit: str, n: int, *, floor: float | None = None, floor_is: str = ""
) -> Row:
    return Row(bench="rate", what=what, unit=unit, value=value, n=n, floor=floor, floor_is=floor_is)
