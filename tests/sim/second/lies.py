"""What was seen of nodes that lied: their own word, and what the others had of them."""

from __future__ import annotations

from collections import defaultdict

from tests.sim.second.agree import Near, counted
from tests.sim.second.record import Line, Second

EDGE_S = 0.5
"""So long before and after a lie it may be told of, or be on its way."""


def measured(s: Second, fault: Line) -> Line:
    """Return since when and until when each target said that it lies, and how many of its slots and
    blocks others had twice, or refused.
    """
    start, end, slack = fault["at_ns"] / 1e9, fault["end_ns"] / 1e9, s.slack_s + 0.001
    said: Line = {}
    for host in fault["targets"]:
        own = [(s.t(x), x["strategy"]) for x in s.own(host, "lies")]
        own = [(t, word) for t, word in own if t >= start - EDGE_S]
        begun = [t for t, word in own if word == fault["asked"]["strategy"] and t < end]
        if begun:
            ended = [t for t, word in own if not word and t > begun[0]]
            said[host] = [Near(begun[0] - slack, begun[0] + slack),
                          Near(ended[0] - slack, ended[0] + slack) if ended else None]  # fmt: skip
    return {"lied_s": said, **_had(s, fault, start, end + EDGE_S, slack)}


def _had(s: Second, fault: Line, start: float, end: float, slack: float) -> Line:
    """Return what others had of each target; lines about an end of the time may count or not."""
    liars = {h for f in s.planned["faults"] if f["fault"] == "byzantine" for h in f["targets"]}
    found: Line = {"signed_twice": {}, "refused": {}}
    for host in fault["targets"]:
        twice, refused = [], []
        for edge in (slack, -slack):
            blocks = defaultdict(set)
            for x in s.every("received"):
                inside = start + edge <= s.t(x) < end - edge and x["host"] not in liars
                if inside and s.host_of(x["producer"]) == host:
                    blocks[x["producer"], x["slot"]].add(x["id"])
            twice.append(sum(len(ids) > 1 for ids in blocks.values()))
            refused.append(sum(
                x["what"] == "block" and x["from"] == host and start + edge <= s.t(x) < end - edge
                for x in s.every("rejected")
            ))  # fmt: skip
        found["signed_twice"][host], found["refused"][host] = counted(*twice), counted(*refused)
    return found
