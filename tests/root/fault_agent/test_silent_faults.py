"""A fault that the kernel silently did not install, or that somebody took away, is never believed.

A stand-in for nft, mounted over the real one for the agent alone, says yes and does not do it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.root

S = 1_000_000_000
THERE, PORT = "10.9.0.2", 9000
PROJECT = Path(__file__).resolve().parents[3]

SWALLOWS = """case "$text" in "add element"*) exit 0;; esac"""
SHORTENS = """text=$(printf '%s' "$text" | sed 's/timeout [0-9]*ms/timeout 900ms/')"""
FORGETS_ONE = """text=$(printf '%s\\n' "$text" | sed '/^add element .* blk_out /d')"""
PREPARES_SLOWLY = """case "$text" in "add element"*) ;; *) sleep 4.5;; esac"""
LOSES_RULES = """text=$(printf '%s\\n' "$text" | sed '/sport/d')"""


def start_agent(bench, lie: str) -> None:
    """Start the agent where nft is a script that lies about what it was given on its input."""
    real = shutil.which("nft")
    assert real is not None
    honest, fake = bench.root / "nft.real", bench.root / "nft.fake"
    shutil.copy2(real, honest)
    fake.write_text(
        f'#!/bin/sh\n[ "$1" = -f ] || exec {honest} "$@"\n'
        f"text=$(cat)\n{lie}\nprintf '%s\\n' \"$text\" | {honest} -f -\n"
    )
    fake.chmod(0o755)
    command = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    agent = (sys.executable, "-m", "faults", "--root", str(bench.root), "agent")
    inside = ("ip", "netns", "exec", bench.here, "/bin/sh", "-c", command, "sh")
    bench.processes.append(
        subprocess.Popen((*inside, str(fake), str(Path(real).resolve()), *agent), cwd=PROJECT)
    )
    wait_until(lambda: "ok" in bench.try_ask("hello"), "the agent answers")


def partition() -> dict[str, object]:
    return {
        "id": "p", "fault": "partition", "at_ns": 2 * S, "for_ns": 4 * S,
        "blocked_in": [THERE], "blocked_out": [THERE], "node_port": PORT,
    }  # fmt: skip


def loss() -> dict[str, object]:
    return {
        "id": "p", "fault": "loss", "at_ns": 2 * S, "for_ns": 4 * S,
        "interface": "eth0", "how": "nft", "peers": [{"host": "n2", "address": THERE}],
        "share_ppm": 500_000, "node_port": PORT,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lie", "wire", "reason"),
    [
        (SWALLOWS, partition(), "0 of 2 elements in force, 0 listed"),
        (SWALLOWS, loss(), "0 of 1 elements in force, 0 listed"),
        (FORGETS_ONE, partition(), "1 of 2 elements in force, 1 listed"),
        (LOSES_RULES, partition(), "4 of 8 rules in place"),
        (SHORTENS, partition(), "10.9.0.2 ends -"),
    ],
)
def test_what_the_kernel_did_not_install_is_indeterminate(bench, lie, wire, reason) -> None:
    start_agent(bench, lie)
    bench.arm(wire)
    wait_until(lambda: bench.state("p") == "indeterminate", "read back")
    assert bench.records("p")[-1]["reason"].startswith(reason)
    assert "installed" not in [each["state"] for each in bench.records("p")]
    wait_until(lambda: bench.state("p") not in ("applied", "indeterminate"), "over")
    wait_until(lambda: bench.rules() == "", "nothing left")


def test_a_fault_whose_preparations_took_too_long_is_left_out(bench) -> None:
    start_agent(bench, PREPARES_SLOWLY)
    bench.arm(partition())
    wait_until(lambda: bench.state("p") == "skipped", "left out")
    assert bench.records("p")[-1]["reason"] == "too_late"
    assert [each["state"] for each in bench.records("p")] == ["armed", "skipped"]
    assert bench.rules() == ""
    assert bench.ask("status")["ledger"] == []


def test_a_table_that_somebody_flushed_has_ended_early(bench) -> None:
    bench.start_agent()
    bench.arm(partition())
    wait_until(lambda: bench.state("p") == "installed", "installed")
    bench.run("nft", "flush", "ruleset")
    wait_until(lambda: bench.state("p") == "failed", "said so")
    reason = bench.records("p")[-1]["reason"]
    assert reason.startswith("ended_early: table slotlab_")
    assert reason.endswith(" was gone")
