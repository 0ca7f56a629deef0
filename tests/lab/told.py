"""What the nodes of a lab run told, read from the run's folder."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import zstandard

from node import events
from tests.lab.bench import Bench


def run(lab: Bench, campaign: str, runs: Path) -> tuple[Path, dict[str, Any]]:
    """Return the folder and the summary of a run of a campaign, which passed."""
    done = lab.slotlab("run", campaign, "-i", str(lab.inventory), "--runs", str(runs))
    folder = (runs / campaign / "latest").resolve()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["verdict"], summary["invalid"]) == ("pass", [])
    assert {fault["state"] for fault in summary["faults"]} == {"installed"}
    return folder, summary


def by_host(folder: Path, hosts: Iterable[str]) -> dict[str, list[Any]]:
    """Return what each host's node told in the first trial, in order."""
    found = {}
    for host in hosts:
        path = folder / "trials" / "1" / "hosts" / host / "events.jsonl.zst"
        text = zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())
        found[host] = [events.decode(line)[1] for line in text.splitlines() if line]
    return found


def once(told: Iterable[Any]) -> list[Any]:
    """Return what was told, once where a block was undone and executed again."""
    return [each for each, _ in itertools.groupby(told)]
