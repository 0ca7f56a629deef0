"""The file that has a node lie is gone at its end, whoever is left to remove it.

No node runs here: that one lies is never shown, and the journal says so.
"""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.slow]

S = 1_000_000_000
LIE = {
    "id": "lie", "fault": "byzantine", "at_ns": 2 * S, "strategy": "late", "by_ns": S, "seed": 1,
}  # fmt: skip


@pytest.fixture
def file(bench: Any) -> Path:
    """Return the file of lies of the bench's host."""
    return Path(bench.root / "state" / "byzantine.json")


def lied(bench: Any, for_ns: int) -> subprocess.Popen[bytes]:
    """Return the agent that put the file there, and found no node that lies."""
    agent: subprocess.Popen[bytes] = bench.start_agent()
    bench.arm(LIE | {"for_ns": for_ns})
    wait_until(lambda: bench.state("lie") == "indeterminate", "read back")
    reason = bench.records("lie")[-1]["reason"]
    assert reason == "the node does not say that it lies: no_node"
    return agent


def test_a_lie_ends_at_its_deadline_and_is_in_the_snapshot_until_then(
    bench: Any, file: Path
) -> None:
    lied(bench, 5 * S)
    told = bench.ask("snapshot")["behaviour"]
    assert told == '{"strategy":"late","by_ns":1000000000,"accounts":[],"seed":1}'
    wait_until(lambda: bench.state("lie") == "healed", "healed")
    assert not file.exists()
    assert bench.ask("snapshot")["behaviour"] == ""


def test_the_lie_of_a_killed_agent_ends_at_its_deadline_all_the_same(
    bench: Any, file: Path
) -> None:
    agent = lied(bench, 5 * S)
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    assert file.exists()
    wait_until(lambda: not file.exists(), "the dead man's timer removes the file")


def test_a_lie_is_healed_by_the_shell_alone(bench: Any, file: Path) -> None:
    agent = lied(bench, 400 * S)
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    for _ in range(2):
        subprocess.run(["sh", bench.root / "state" / "agent" / "heal.sh"], check=True)
        assert not file.exists()
