"""An agent killed again and again, at any moment of a schedule, and started again each time.

No fault ends early, each that could not be carried out says so, and nothing is left.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from faults.host.boottime import boottime_ns

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.long]

S = 1_000_000_000
MS = 1_000_000
COUNT = 24
FIRST_NS, EVERY_NS, LENGTH_NS = 4 * S, 600 * MS, 1500 * MS
SEED = 7

Wire = Callable[..., dict[str, object]]


def test_an_agent_killed_at_any_moment_ends_no_fault_early_and_leaves_none(
    bench, partition: Wire
) -> None:
    rng = random.Random(SEED)
    agent = bench.start_agent()
    before = bench.ask("snapshot")
    faults = [
        partition(id=f"p-{n}", at_ns=FIRST_NS + n * EVERY_NS, for_ns=LENGTH_NS)
        for n in range(COUNT)
    ]
    armed = bench.arm(*faults)
    end_ns = armed["t0_boottime_ns"] + FIRST_NS + COUNT * EVERY_NS + LENGTH_NS
    kills = 0
    while boottime_ns() < end_ns:
        time.sleep(rng.uniform(0.3, 2.5))
        agent.send_signal(signal.SIGKILL)
        agent.wait()
        kills += 1
        agent = bench.start_agent()
    bench.ask("heal")
    assert bench.ask("snapshot") == before
    assert bench.ask("status")["ledger"] == []
    stories = [_story(bench.records(f"p-{n}"), faults[n]) for n in range(COUNT)]
    print(f"{kills} kills; {stories.count('healed')} healed, {stories.count('skipped')} skipped")
    assert "healed" in stories


def _story(records: list[dict[str, Any]], fault: dict[str, Any]) -> str:
    """Return how a fault ended, having checked that it was not too early."""
    last = records[-1]
    if last["state"] == "skipped":
        assert last["reason"] in ("too_late", "agent_restarted")
        return "skipped"
    assert last["state"] == "healed", [(each["state"], each["reason"]) for each in records]
    assert fault["at_ns"] + LENGTH_NS <= last["between_ns"][0] <= last["between_ns"][1]
    return "healed"
