"""An agent that is stopped, in mid-fault or before one, and wakes again: nothing outlives its end.

1. The kernel ends a fault of a stopped agent at its deadline, and the dead man tidies up.
2. The lease's timer ends it where the lease ends first; a renewed lease does not end.
3. Healing by hand ends the hung agent; 4. by shell alone it cannot begin anything when it wakes.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.host.boottime import boottime_ns
from faults.host.nft_readback import ENDS_EARLY_NS
from tests.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.slow]

S = 1_000_000_000
PROJECT = Path(__file__).resolve().parents[3]

Wire = Callable[..., dict[str, object]]


def test_the_fault_of_a_stopped_agent_ends_at_its_deadline_all_the_same(
    bench, partition: Wire
) -> None:
    agent = bench.start_agent()
    armed = bench.arm(
        partition(at_ns=2 * S, for_ns=3 * S),
        partition(id="partition-2", at_ns=7 * S, for_ns=400 * S),
    )
    deadline_ns = armed["t0_boottime_ns"] + 5 * S
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    agent.send_signal(signal.SIGSTOP)
    wait_until(lambda: "elements" not in bench.rules(), "the kernel ends the partition")
    assert boottime_ns() > deadline_ns - ENDS_EARLY_NS
    ledger = bench.root / "state" / "agent" / "ledger"
    wait_until(lambda: any(p.read_text().strip() for p in ledger.glob("*.undone")), "undone")
    wait_until(lambda: boottime_ns() > armed["t0_boottime_ns"] + 9 * S, "the next is long due")
    agent.send_signal(signal.SIGCONT)
    wait_until(lambda: bench.state("partition-2") == "skipped", "left out, as it would be late")
    assert bench.passes()
    wait_until(lambda: bench.state("partition-1") == "healed", "written down")
    healed = bench.records("partition-1")[-1]
    assert healed["reason"] == "dead_man"
    assert healed["between_ns"][0] == 5 * S
    assert bench.rules() == ""


@pytest.mark.parametrize("after_ms", [2, 10, 20, 30])
def test_an_agent_stopped_right_at_the_end_does_not_call_it_early(
    after_ms: int, bench, partition: Wire
) -> None:
    agent = bench.start_agent()
    armed = bench.arm(partition(at_ns=2 * S, for_ns=S))
    stop_ns = armed["t0_boottime_ns"] + 3 * S + after_ms * 1_000_000
    wait_until(lambda: boottime_ns() >= stop_ns, "just over", every_s=0.0005)
    agent.send_signal(signal.SIGSTOP)
    wait_until(lambda: bench.rules() == "", "the dead man clears the rest away")
    agent.send_signal(signal.SIGCONT)
    wait_until(lambda: bench.state("partition-1") in ("healed", "failed"), "written down")
    last = bench.records("partition-1")[-1]
    assert (last["state"], last["reason"] in ("", "dead_man")) == ("healed", True)
    assert bench.ask("status")["ledger"] == []


def test_the_end_of_the_lease_needs_no_agent(bench, partition: Wire) -> None:
    agent = bench.start_agent()
    armed = bench.arm(partition(at_ns=2 * S, for_ns=400 * S), lease_ns=5 * S)
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    renewed_ns = boottime_ns()
    bench.ask("renew", trial="t", lease_ns=8 * S)
    agent.send_signal(signal.SIGSTOP)
    wait_until(lambda: boottime_ns() > armed["t0_boottime_ns"] + 6 * S, "the first lease")
    assert not bench.passes(), "a renewed lease does not end"
    wait_until(lambda: bench.rules() == "", "the lease's timer heals")
    assert boottime_ns() >= renewed_ns + 8 * S
    agent.send_signal(signal.SIGCONT)
    wait_until(lambda: bench.state("partition-1") in ("healed", "failed"), "written down")
    assert bench.ask("status")["ledger"] == []


def test_a_renewal_that_comes_after_the_end_is_refused(bench, partition: Wire) -> None:
    bench.start_agent()
    bench.arm(partition(at_ns=2 * S, for_ns=400 * S), lease_ns=4 * S)
    wait_until(lambda: bench.state("partition-1") == "healed", "the lease ends it")
    late = bench.try_ask("renew", trial="t", lease_ns=30 * S)
    assert late["error"]["reason"] == "not_armed"
    assert bench.passes()


def test_healing_by_hand_ends_an_agent_that_hangs(bench, partition: Wire) -> None:
    agent = bench.start_agent()
    bench.arm(
        partition(at_ns=2 * S, for_ns=400 * S), partition(id="partition-2", at_ns=500 * S, for_ns=S)
    )
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    agent.send_signal(signal.SIGSTOP)
    words = ("ip", "netns", "exec", bench.here, sys.executable, "-m", "faults")
    done = subprocess.run(
        (*words, "--root", str(bench.root), "heal"),
        cwd=PROJECT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    healed = ["partition-1", "partition-2"]
    assert json.loads(done.stdout) == {"how": "ledger", "ok": {"healed": healed, "left": []}}
    assert agent.wait(timeout=60) == -signal.SIGKILL
    assert bench.passes()
    assert bench.rules() == ""
    bench.start_agent()
    assert bench.ask("status")["faults"] == []
    bench.arm(partition(at_ns=S, for_ns=S))


def test_an_agent_that_wakes_after_a_heal_by_shell_begins_nothing(bench, partition: Wire) -> None:
    agent = bench.start_agent()
    bench.arm(
        partition(at_ns=2 * S, for_ns=400 * S),
        partition(id="partition-2", at_ns=8 * S, for_ns=400 * S),
    )
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    agent.send_signal(signal.SIGSTOP)
    bench.run("/bin/sh", str(bench.root / "state" / "agent" / "heal.sh"))
    assert bench.passes()
    agent.send_signal(signal.SIGCONT)
    wait_until(lambda: bench.state("partition-2") == "skipped", "not begun")
    assert bench.records("partition-2")[-1]["reason"] == "revoked"
    wait_until(lambda: bench.state("partition-1") == "failed", "noticed")
    assert bench.records("partition-1")[-1]["reason"].startswith("ended_early")
    assert bench.passes()
    assert bench.rules() == ""
    bench.arm(partition(at_ns=S, for_ns=S))


def test_a_fault_that_somebody_took_away_is_noticed(bench, partition: Wire) -> None:
    bench.start_agent()
    bench.arm(partition(at_ns=2 * S, for_ns=400 * S))
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    bench.run("nft", "flush", "ruleset")
    wait_until(lambda: bench.state("partition-1") == "failed", "noticed")
    assert bench.records("partition-1")[-1]["reason"].startswith("ended_early: ")
    assert bench.ask("status")["ledger"] == []
