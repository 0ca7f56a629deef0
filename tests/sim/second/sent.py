"""What became of the transactions that clients sent, by what the blocks hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from tests.sim.second.agree import counted
from tests.sim.second.blocks import Chain, sure_and_perhaps
from tests.sim.second.record import Line, Second, Window

DIGITS = 16
"""How much of an id a block tells."""


def figures(trials: list[tuple[Second, Chain, list[Window]]]) -> dict[str, Any]:
    """Return the transactions sent within the windows, over trials.

    Lost is what was sent a finality period before the end, was not refused, and is in no final
    block; refused is what was told rejected and is in no block at all.
    """
    least: Counter[str] = Counter()
    most: Counter[str] = Counter()
    lost: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for s, known, windows in trials:
        for host, t, sure, perhaps in _fates(s, known):
            inside = sure_and_perhaps(t, windows, s.slack_s)
            least.update(sure * inside[0])
            most.update(perhaps * inside[1])
            lost[0][host] += ("lost" in sure) * inside[0]
            lost[1][host] += ("lost" in perhaps) * inside[1]
    named = {host: counted(lost[0][host], lost[1][host]) for host in lost[1] if lost[1][host]}
    names = ("sent", "included", "irreversible", "rejected", "expired", "lost")
    found = {name: counted(least[name], most[name]) for name in names}
    if all(_listed(s, known) for s, known, _ in trials):
        return {**found, "lost_by_host": named}
    return {**found, **dict.fromkeys(("included", "irreversible", "lost", "lost_by_host"))}


def _listed(s: Second, known: Chain) -> bool:
    """Return whether somebody told of each block of the chain what it holds."""
    listed = {
        line["id"]
        for line in s.every("applied")
        if len(line.get("transactions", ())) == line["tx_count"]
    }
    return known.whole <= listed


def _fates(s: Second, known: Chain) -> list[tuple[str, float, list[str], list[str]]]:
    """Return (host, when sent, what it surely is, what it perhaps is) of each transaction."""
    held: dict[str, set[str]] = defaultdict(set)
    for line in s.every("applied"):
        for id_ in line.get("transactions", ()):
            held["anywhere"].add(id_)
            if line["id"] in known.whole:
                held["included"].add(id_)
            if line["id"] in known.final:
                held["irreversible"].add(id_)
    told: dict[str, set[str]] = defaultdict(set)
    first: dict[str, Line] = {}
    for line in s.every("txs"):
        told[line["id"]].add(line["state"])
        if line["state"] == "sent":
            first[line["id"]] = min(first.get(line["id"], line), line, key=s.t)
    found = []
    for id_, line in first.items():
        short, t = id_[:DIGITS], s.t(line)
        fate = ["sent", *(what for what in ("included", "irreversible") if short in held[what])]
        if "rejected" in told[id_] and short not in held["anywhere"]:
            fate.append("rejected")
        if "expired" in told[id_] and short not in held["included"]:
            fate.append("expired")
        open_ = "irreversible" not in fate and "rejected" not in fate
        old = s.judged_until_s
        sure = fate + ["lost"] * (open_ and t <= old - s.slack_s)
        perhaps = fate + ["lost"] * (open_ and t <= old + s.slack_s)
        found.append((line["host"], t, sure, perhaps))
    return found
