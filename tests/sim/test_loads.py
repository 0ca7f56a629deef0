"""Loads that are not steady: what clients send in the simulator, and what the report says of it."""

from __future__ import annotations

import re
from pathlib import Path

import zstandard

from node import events
from tests.sim.runs import meets, simulated

HEAD = """
schema: slotlab.campaign/v1
title: a load
seed: 5
chain: {producers: 4, slot: 500ms, blocks_per_turn: 2}
warmup: 10s
cooldown: 10s
"""


def seconds(folder: Path) -> list[int]:
    """Return how many transactions were due at all clients in each second of the first trial."""
    own = []
    for path in sorted(folder.glob("trials/1/hosts/*/events.jsonl.zst")):
        lines = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read().splitlines()
        told = (events.decode(line)[1] for line in lines)
        own.append([record.due for record in told if isinstance(record, events.Load)])
    return [sum(due) for due in zip(*own, strict=True)]


def table(folder: Path) -> list[list[str]]:
    """Return what the report says of the load by phase: asked, sent, refused, included, final."""
    page = (folder / "report.html").read_text()
    body = page.partition("Load asked: ")[2].partition("</table>")[0]
    rows = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in body.split("<tr>")]
    return [[row[0], row[1], row[3], *row[5:]] for row in rows if row]


def test_a_ramp_with_bursts_is_sent_and_told_as_it_was_asked(tmp_path: Path) -> None:
    campaign = tmp_path / "ramp.yml"
    shape = "{ramp: {from: 0/s, to: 40/s, over: 20s}, burst: {rate: 100/s, for: 2s, every: 12s}}"
    pause = "timeline: [{at: 20s, for: 5s, fault: pause, on: n4}]"
    campaign.write_text(f"{HEAD}load: {shape}\n{pause}\n")
    done, summary, folder = simulated(campaign, tmp_path)
    meets(done, summary)
    due = seconds(folder)
    assert due == [
        4, 4, 4, 4, 12, 8, 16, 12, 20, 16, 24, 20, 100, 100, 32, 28, 36, 32, 40, 36,
        40, 40, 40, 40, 100, 100, 40, 40, 40, 40,
    ]  # fmt: skip
    rows = table(folder)
    assert [row[0] for row in rows] == ["warmup", "baseline", "pause-1", "recovery", "after"]
    figures = [[int(text) for text in row[1:]] for row in rows]
    for asked, sent, refused, included, final in figures:
        assert abs(asked - sent) <= 4  # One a host that is due where two phases meet.
        assert (refused, included, final) == (0, sent, sent)
