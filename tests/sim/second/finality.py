"""When blocks became final: by block, in four views, and by host."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from tests.sim.second.agree import counted
from tests.sim.second.blocks import Chain, sure_and_perhaps
from tests.sim.second.record import Second, Window
from tests.sim.second.spread import Sample, about, exact, spread

WIDE_S = 0.005
"""What the first analysis' bounds of clocks may leave open; here they are tighter than that."""
Reached = dict[str, dict[str, tuple[float, int]]]
VIEWS = {"quorum": "", "first": "first_", "median": "median_", "last": "last_"}


@dataclass(frozen=True, slots=True)
class Judged:
    """A block of the chain old enough to be judged: its window, and its finality in each view.

    settles: it was due to be final within its own window, and after the chain's first round. lag:
    blocks from it to the head that made it final, at whichever host completes the quorum.
    """

    window: Window
    settles: bool
    views: dict[str, Sample]
    lag: Sample


def quorum(profile: str, n: int) -> int:
    """Return the producers that finality needs (PROTOCOL A.5, C.7)."""
    return n - math.floor(0.3 * n + 1e-9) if profile == "bitshares" else 2 * n // 3 + 1


def scheduled(plan: dict[str, Any]) -> int:
    """Return how many producers a full schedule has: of more, so many are elected (B.6, C.11)."""
    n = len(plan["producers"])
    if plan["profile"] == "bitshares":
        return min(n, (plan["bitshares"].get("voting") or {}).get("min_witness_count") or n)
    return min(n, (plan.get("fio") or {}).get("elected", n))


def judged(s: Second, known: Chain, at: Reached | None = None) -> list[Judged]:
    """Return the finality of every block of the chain whose finality period lies within sight.

    at: by id and host when something else than finality was reached, and with which lag.
    """
    at = _where(s) if at is None else at
    due_to_make, found = on_duty(s, known), []
    for id_ in known.whole & known.blocks.keys():
        slot = known.blocks[id_]["slot"]
        t = s.slot_t(slot)
        window = s.window_of(t)
        if slot < s.first_slot or t > s.judged_until_s + 1e-9 or window is None:
            continue
        due = s.pace.later(t, s.lag_max + 1)
        settles = t >= s.pace.later(0.0, s.round_slots) - 1e-9 and due <= window[2] + 1e-9
        names = [who for since, who in due_to_make if since < known.blocks[id_]["num"]][-1]
        found.append(Judged(window, settles, *_views(s, at[id_], t, names)))
    return found


def on_duty(s: Second, known: Chain) -> list[tuple[int, list[str]]]:
    """Return (number, producers of the blocks after it) wherever the chain's blocks say so."""
    alone = (s.plan.get("fio") or {}).get("initial") == "system"
    found: dict[int, list[str]] = {-1: s.plan["producers"][: 1 if alone else None]}
    lying = {h for f in s.planned["faults"] if f["fault"] == "byzantine" for h in f["targets"]}
    for host in s.lines.keys() - lying:
        counts = False
        for line in s.lines[host]:
            if line["node"] == host and line["kind"] == "applied":
                counts = line["id"] in known.whole
            elif counts and line["kind"] == "schedule" and line["state"] == "active":
                found[line["num"]] = line["producers"]
    return sorted(found.items())


def left_out(s: Second, known: Chain) -> Counter[tuple[str, str]]:
    """Return how many blocks are not judged, by (window's name, why).

    Of no branch that counts: orphaned; else too near the end for their finality to be seen: young.
    """
    found: Counter[tuple[str, str]] = Counter()
    for id_, block in known.blocks.items():
        t = s.slot_t(block["slot"])
        why = "young" if id_ in known.whole else "orphaned"
        if why == "orphaned" or t > s.judged_until_s + 1e-9:
            found[s.name_of(t), why] += 1
    return found


def _where(s: Second) -> Reached:
    """Return id -> host -> (when it became final there first, head then minus its number)."""
    at: dict[str, dict[str, tuple[float, int]]] = defaultdict(dict)
    for host, lines in s.lines.items():
        head = 0
        for line in lines:
            if line["node"] != host:
                continue
            if line["kind"] == "applied":
                head = line["num"]
            elif line["kind"] == "irreversible":
                at[line["id"]].setdefault(host, (s.t(line), head - line["num"]))
    return at


def _views(
    s: Second, at: dict[str, tuple[float, int]], t: float, names: list[str]
) -> tuple[dict[str, Sample], Sample]:
    later = s.plan.get("newcomers", {})
    weight = {
        host["host"]: len({*host["producers"], *later.get(host["host"], [])} & {*names})
        for host in s.plan["hosts"]
    }
    order = sorted((moment, host, lag) for host, (moment, lag) in at.items())
    nth = {"first": 1, "median": (len(weight) + 1) // 2, "last": len(weight)}
    views = {
        view: about(order[k - 1][0] - t if len(order) >= k else math.inf, s.slack_s)
        for view, k in nth.items()
    }
    total, needed = 0, quorum(s.plan["profile"], len(names))
    for moment, host, _ in order:
        total += weight[host]
        if total >= needed:
            same = [lag for other, _, lag in order if abs(other - moment) <= 2 * s.slack_s]
            return {**views, "quorum": about(moment - t, s.slack_s)}, Sample(min(same), max(same))
    return {**views, "quorum": exact(math.inf)}, exact(math.inf)


def figures(trials: list[list[Judged]], names: set[str], *, alone: bool) -> dict[str, Any]:
    """Return lag and latencies of the blocks in the named windows, over trials.

    Of one phase alone only blocks that settle within it count; the others are its crossing ones.
    """
    inside = [[block for block in found if block.window[0] in names] for found in trials]
    chosen = [[block for block in found if block.settles or not alone] for found in inside]
    result = {
        f"finality_latency_{word}s": spread(
            [[block.views[view] for block in found] for found in chosen], wide=WIDE_S
        )
        for view, word in VIEWS.items()
    }
    crossing = sum(map(len, inside)) - sum(map(len, chosen))
    return {
        **result,
        "finality_lag_blocks": spread([[block.lag for block in found] for found in chosen]),
        "finality_crossing": crossing,
    }


def last_blocks(trials: list[tuple[Second, list[Window]]]) -> dict[str, Any]:
    """Return each host's highest final block at the end of the windows, the least over trials."""
    ends = [_tops(s, max((w[2] for w in windows), default=0.0)) for s, windows in trials]
    hosts = sorted({host for low, high in ends for host in high})
    found = {}
    for host in hosts:
        low = min(low.get(host, 0) for low, high in ends if host in high)
        found[host] = counted(low, min(high[host] for _, high in ends if host in high))
    return found


def _tops(s: Second, until: float) -> tuple[dict[str, int], dict[str, int]]:
    tops: tuple[dict[str, int], dict[str, int]] = ({}, {})
    for line in s.every("irreversible"):
        for top, edge in zip(tops, (until - s.slack_s, until + s.slack_s), strict=True):
            if s.t(line) < edge:
                top[line["host"]] = max(top.get(line["host"], 0), line["num"])
    return tops


def advance(trials: list[tuple[Second, list[Window]]]) -> dict[str, Any]:
    """Return how many blocks became final at each host within the windows, over trials."""
    sums = {host: [0, 0] for s, _ in trials for host in s.hosts}
    for s, windows in trials:
        for line in s.every("irreversible"):
            sure, perhaps = sure_and_perhaps(s.t(line), windows, s.slack_s)
            sums[line["host"]][0] += sure
            sums[line["host"]][1] += perhaps
    return {host: counted(*both) for host, both in sums.items()}


def predicted(profile: str, n: int, turn: int) -> tuple[int, int] | None:
    """Return the least and the greatest lag by the rules; None where they give no formula.

    PROTOCOL A.13: a block at position i of its turn is final 2 (Q - 1) r - i blocks later. C.7: a
    block is final once enough witnesses, its own included, have built on it: at best the next Q - 1
    are all others. At worst its producer was as late in its round as still needs a second one, and
    all who signed after it come first in that.
    """
    needed = quorum(profile, n)
    if profile == "bitshares":
        return needed - 1, 2 * (needed - 1) if needed < n or n > 1 else 0
    if turn < 2 or n < 2:
        return None
    most = 2 * (needed - 1) * turn
    return most - turn + 1, most
