"""A real agent in a network namespace of its own: faults are real, and everything heals.

1. A partition drops the node's port only, and ends at its deadline.
2. The kernel ends it by itself when the agent has been killed; the dead man's timer then tidies up.
3. A delay is as long as asked. 4. Healing twice is safe. 5. Foreign rules stay as they were.
6. The lease ends what runs. 7. An agent that comes back carries on what the last one had armed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faults.host.boottime import boottime_ns
from faults.host.nft_readback import ENDS_EARLY_NS
from tests.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.slow]

S = 1_000_000_000
MS = 1_000_000
PORT, PROBE_PORT = 9000, 9001
PROJECT = Path(__file__).resolve().parents[3]

Wire = Callable[..., dict[str, object]]


def told(bench: Any) -> dict[str, Any]:
    """Return what the agent says of its only fault to whoever looks on."""
    (found,) = bench.ask("status")["faults"]
    return dict(found)


def test_a_partition_drops_the_nodes_port_only_and_heals_at_its_end(bench, partition: Wire) -> None:
    bench.start_agent()
    before = bench.ask("snapshot")
    bench.arm(partition(at_ns=2 * S, for_ns=4 * S))
    waits = told(bench)
    assert bench.passes(PORT)
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    assert not bench.passes(PORT)
    acts = told(bench)
    assert (waits["kind"], acts["state"]) == ("partition", "applied")
    assert waits["state"] in ("armed", "prepared"), "a busy machine is near its moment by then"
    assert 2 * S >= waits["begins_ns"] >= acts["begins_ns"] == 0
    assert 6 * S >= waits["left_ns"] > acts["left_ns"], "until its deadline"
    assert bench.passes(PROBE_PORT)
    wait_until(lambda: bench.state("partition-1") == "healed", "healed")
    assert bench.passes(PORT)
    _, applied, _, healed = bench.records("partition-1")
    assert healed["read_back"]["dropped"]["input"] > 0
    for record, due_ns in ((applied, 2 * S), (healed, 6 * S)):
        late_ns = record["between_ns"][0] - due_ns
        assert record["read_back"]["late_ns"] == late_ns >= 0, "never early, and it says how late"
    assert bench.ask("snapshot") == before


def test_the_fault_of_a_killed_agent_ends_at_its_deadline_all_the_same(
    bench, partition: Wire
) -> None:
    agent = bench.start_agent()
    bench.run("nft", "add", "table", "inet", "foreign")
    rules = bench.rules()
    armed = bench.arm(partition(at_ns=2 * S, for_ns=4 * S))
    deadline_ns = armed["t0_boottime_ns"] + 6 * S
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    assert not bench.passes(PORT)
    wait_until(lambda: bench.passes(PORT), "the kernel ends the partition")
    assert boottime_ns() > deadline_ns - ENDS_EARLY_NS
    wait_until(lambda: bench.rules() == rules, "the dead man's timer removes the table")
    bench.start_agent()
    wait_until(lambda: bench.state("partition-1") == "healed", "written down")
    healed = bench.records("partition-1")[-1]
    assert healed["reason"] == "dead_man"
    assert healed["between_ns"][0] == 6 * S


def test_an_agent_that_comes_back_carries_on_what_the_last_one_had_armed(
    bench, partition: Wire
) -> None:
    agent = bench.start_agent()
    before = bench.ask("snapshot")
    step = {"id": "clock_step-1", "fault": "clock_step", "at_ns": 2 * S, "by_ns": 300 * MS}
    bench.arm(
        partition(at_ns=2 * S, for_ns=8 * S),
        {**step, "for_ns": 9 * S},
        partition(id="partition-2", at_ns=12 * S, for_ns=S),
    )
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    wait_until(lambda: bench.state("clock_step-1") == "installed", "skewed")
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    bench.start_agent()
    assert not bench.passes(PORT)
    skew = bench.root / "run" / "skew"
    assert int.from_bytes(skew.read_bytes()[8:16], "little") == 300 * MS
    wait_until(lambda: bench.state("partition-2") == "healed", "the last one ended")
    for fault_id, begin_ns, end_ns in (
        ("partition-1", 2 * S, 10 * S),
        ("clock_step-1", 2 * S, 11 * S),
        ("partition-2", 12 * S, 13 * S),
    ):
        states = {each["state"]: each for each in bench.records(fault_id)}
        assert list(states) == ["armed", "applied", "installed", "healed"]
        assert begin_ns <= states["applied"]["between_ns"][0]
        assert end_ns <= states["healed"]["between_ns"][0]
        assert states["healed"]["reason"] == ""
    assert bench.ask("status")["ledger"] == []
    assert bench.ask("snapshot") == before


def test_healing_twice_is_safe_and_works_without_an_agent(bench, partition: Wire) -> None:
    agent = bench.start_agent()
    bench.arm(partition(at_ns=2 * S, for_ns=400 * S))
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    words = ("ip", "netns", "exec", bench.here, sys.executable, "-m", "faults")
    for healed in (["partition-1"], []):
        done = subprocess.run(
            (*words, "--root", str(bench.root), "heal"),
            cwd=PROJECT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert json.loads(done.stdout) == {"how": "ledger", "ok": {"healed": healed, "left": []}}
    assert bench.rules() == ""
    assert bench.passes(PORT)


def test_a_running_agent_heals_at_once_and_a_second_time_finds_nothing(
    bench, partition: Wire
) -> None:
    bench.start_agent()
    bench.arm(partition(at_ns=2 * S, for_ns=400 * S), partition(at_ns=500 * S, id="partition-2"))
    refused = bench.try_ask("arm", trial="u", t0_wall_ns=time.time_ns(), lease_ns=S, faults=[])
    assert refused["error"]["reason"] == "busy"
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    assert bench.ask("heal") == {"healed": ["partition-1"], "left": []}
    assert bench.ask("heal") == {"healed": [], "left": []}
    assert bench.passes(PORT)
    assert [bench.state(f"partition-{n}") for n in (1, 2)] == ["healed", "skipped"]
    assert bench.records("partition-1")[-1]["reason"] == "heal"


def test_the_end_of_the_lease_ends_what_runs(bench, partition: Wire) -> None:
    bench.start_agent()
    bench.arm(partition(at_ns=2 * S, for_ns=400 * S), lease_ns=5 * S)
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    wait_until(lambda: bench.state("partition-1") == "healed", "healed")
    assert bench.records("partition-1")[-1]["reason"] == "lease_expired"
    assert bench.passes(PORT)


def test_a_refused_fault_arms_nothing(bench, partition: Wire) -> None:
    bench.start_agent()
    for change, reason in (
        ({"node_port": 22}, "wrong_port"),
        ({"blocked_in": ["10.9.0.77"]}, "unknown_peer"),
        ({"for_ns": "1s"}, "bad_fault"),
    ):
        reply = bench.try_ask(
            "arm", trial="t", t0_wall_ns=time.time_ns() + S, lease_ns=60 * S,
            faults=[partition(), partition(**{"id": "partition-2", **change})],
        )  # fmt: skip
        assert reply["error"]["reason"] == reason
    assert bench.ask("status")["ledger"] == []
    assert bench.rules() == ""


def test_a_foreign_root_qdisc_is_never_replaced(bench, delay: Wire) -> None:
    bench.start_agent()
    tbf = "tc qdisc add dev eth0 root handle 77: tbf rate 1gbit burst 1mb latency 50ms"
    try:
        bench.run(*tbf.split())
    except subprocess.CalledProcessError:
        pytest.skip("this kernel has no tbf to stand in for a foreign qdisc")
    wire = delay(at_ns=3 * S, for_ns=S, delay_ns=MS) | {"how": "netem"}
    reply = bench.try_ask(
        "arm", trial="t", t0_wall_ns=time.time_ns(), lease_ns=60 * S, faults=[wire]
    )
    assert reply["error"]["reason"] == "foreign_qdisc"
    assert "tbf 77:" in bench.run("tc", "qdisc", "show", "dev", "eth0")


def test_a_stopped_agent_heals_before_it_goes(bench, partition: Wire) -> None:
    agent = bench.start_agent()
    bench.arm(partition(at_ns=2 * S, for_ns=400 * S))
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    agent.terminate()
    assert agent.wait(timeout=60) == 0
    assert bench.rules() == ""
    assert bench.records("partition-1")[-1]["reason"] == "agent_stopped"


def test_garbage_gets_an_error_reply_and_the_agent_goes_on(bench) -> None:
    bench.start_agent()
    for op, arguments, reason in (
        ("reboot", {}, "unknown_op"),
        ("prepare", {"trial": "t", "files": {"../x": "y"}}, "bad_file"),
        ("arm", {"trial": 5}, "bad_request"),
        ("renew", {"trial": "t", "lease_ns": 5}, "not_armed"),
        ("start", {"units": ["ssh"]}, "unsupported"),
    ):
        assert bench.try_ask(op, **arguments)["error"]["reason"] == reason
    hello = bench.ask("hello")
    assert "capabilities" in hello
    assert all(each > 0 for each in hello["room"].values())


def test_an_asked_delay_is_there_and_the_clock_probes_are_spared(bench, delay: Wire) -> None:
    agent = bench.start_agent()
    if not bench.ask("hello")["capabilities"]["nfqueue"]:
        pytest.skip("this kernel has no NFQUEUE")
    before = bench.ask("snapshot")
    bench.arm(delay(at_ns=3 * S, for_ns=8 * S, delay_ns=50 * MS) | {"how": "queue"})
    wait_until(lambda: bench.state("delay-1") == "installed", "installed")
    delayed, spared = [], []
    for _ in range(20):  # by turns, so that a busy machine slows both alike
        delayed += bench.round_trips_ms(1)
        spared += bench.round_trips_ms(1, PROBE_PORT)
    assert min(delayed) >= 50 > min(spared), "waiting for a busy processor only adds to it"
    wait_until(lambda: bench.state("delay-1") == "healed", "healed")
    assert bench.records("delay-1")[-1]["read_back"]["holder"]["delayed"] >= 20
    assert min(bench.round_trips_ms(20)) < 50
    assert bench.ask("snapshot") == before
    assert agent.poll() is None


def test_a_killed_holder_lets_packets_pass_and_the_record_says_so(bench, delay: Wire) -> None:
    bench.start_agent()
    if not bench.ask("hello")["capabilities"]["nfqueue"]:
        pytest.skip("this kernel has no NFQUEUE")
    bench.arm(delay(at_ns=3 * S, for_ns=400 * S, delay_ns=50 * MS) | {"how": "queue"})
    wait_until(lambda: bench.state("delay-1") == "installed", "installed")
    pid_file = next((bench.root / "run").glob("shape-*.pid"))
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    wait_until(lambda: bench.passes(PORT), "packets pass")
    assert min(bench.round_trips_ms(10)) < 50
    wait_until(lambda: bench.state("delay-1") == "failed", "ended early")
    assert bench.records("delay-1")[-1]["reason"] == "ended_early: the holder had ended"
    assert bench.rules() == ""
