"""How long transactions waited for a block of the chain, host by host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.sim.second.blocks import Chain
from tests.sim.second.record import Line, Second
from tests.sim.second.sent import DIGITS
from tests.sim.second.spread import Sample, about, spread

ROUNDED_S = 1e-6
"""What summary.json leaves of a second's digits."""


@dataclass(frozen=True, slots=True)
class Waited:
    """A transaction: whose client sent it, its block's window, how long it waited."""

    host: str
    window: str
    sample: Sample


def told(s: Second, known: Chain) -> list[Waited]:
    """Return every transaction that its own host saw in a block of the chain."""
    found = []
    for host, lines in s.lines.items():
        out: dict[str, Line] = {}
        seen: set[str] = set()
        for line in lines:
            if line["kind"] == "txs" and line["state"] == "sent":
                out.setdefault(line["id"][:DIGITS], line)
        for line in lines:
            again = line["kind"] != "applied" or line["id"] in seen or line["id"] not in known.whole
            if again:
                continue
            seen.add(line["id"])
            for short in line.get("transactions", ()):
                if short in out:
                    window = s.name_of(s.slot_t(line["slot"]))
                    found.append(Waited(host, window, _between(s, out[short], line)))
    return found


def _between(s: Second, sent: Line, held: Line) -> Sample:
    if sent["boot"] == held["boot"]:
        return about((held["mono_ns"] - sent["mono_ns"]) / 1e9, ROUNDED_S)
    return about(s.t(held) - s.t(sent), 2 * s.slack_s)


def figures(trials: list[list[Waited]], names: set[str]) -> dict[str, Any]:
    """Return how long those of the named windows waited, over trials."""
    chosen = [[x for x in found if x.window in names] for found in trials]
    hosts = sorted({x.host for found in chosen for x in found})

    def of(host: str) -> dict[str, Any]:
        mine = [[x.sample for x in found if x.host == host] for found in chosen]
        return spread(mine, wide=10 * ROUNDED_S)

    return {
        "inclusion_s": spread([[x.sample for x in found] for found in chosen], wide=10 * ROUNDED_S),
        "inclusion_by_host_s": {host: of(host) for host in hosts},
    }
