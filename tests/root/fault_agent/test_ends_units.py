"""A real agent keeps the script that ends units without it, and tells of what that ended."""

from __future__ import annotations

import json
import subprocess

import msgspec
import pytest

from faults.durable.units_to_restart import ENDED, Running
from faults.host.boottime import boot_id
from tests.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.slow]


def test_an_agent_has_its_units_end_without_it_and_tells_of_it_when_it_is_back(bench) -> None:
    folder = bench.root / "state" / "agent"
    bench.start_agent()
    script = folder / "end_units.sh"
    assert subprocess.run(("/bin/sh", "-n", str(script)), check=False).returncode == 0
    assert str(folder) in script.read_text()
    ended = Running(
        boot=boot_id(), trial="t.1", units=["node"], ends_boottime_ns=1, until_wall_ns=1, lasts_ns=1
    )
    (folder / ENDED).write_bytes(b"1\n" + msgspec.json.encode(ended) + b"\n")

    def told() -> list[tuple[str, str, str]]:
        journal = folder / "agent.jsonl"
        lines = journal.read_text().splitlines() if journal.exists() else []
        records = [json.loads(line) for line in lines]
        return [(r["trial"], r["how"], r["reason"]) for r in records if r["state"] == "stopped"]

    wait_until(lambda: told() != [], "the agent tells of what was stopped")
    assert told() == [("t.1", "timer", "lease_expired")]
