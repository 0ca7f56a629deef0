"""A real agent in a network namespace of its own: faults are real, and everything heals.

1. A partition drops the node's port only, and ends at its deadline.
2. The kernel ends it by itself when the agent has been killed; the dead man's timer then tidies up.
3. A delay is as long as asked. 4. Healing twice is safe. 5. Foreign rules stay as they were.
6. The lease ends what runs. 7. An agent that comes back carries on what the last one had armed.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.root, pytest.mark.slow]

S = 1_000_000_000
MS = 1_000_000
PORT, PROBE_PORT = 9000, 9001
PROJECT = Path(__file__).resolve().parents[3]

Wire = Callable[..., dict[str, object]]


def wait_until(claim: Callable[[], object], what: str, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.005)


def boottime_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_a_partition_drops_the_nodes_port_only_and_heals_on_time(bench, partition: Wire) -> None:
    bench.start_agent()
    before = bench.ask("snapshot")
    bench.arm(partition(at_ns=S // 2, for_ns=2 * S))
    assert bench.passes(PORT)
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    assert not bench.passes(PORT)
    assert bench.passes(PROBE_PORT)
    wait_until(lambda: bench.state("partition-1") == "healed", "healed")
    assert bench.passes(PORT)
    healed = bench.records("partition-1")[-1]
    assert healed["read_back"]["dropped"]["input"] > 0
    assert 2.5 * S <= healed["between_ns"][0] <= 2.6 * S
    applied = next(r for r in bench.records("partition-1") if r["state"] == "applied")
    assert S // 2 <= applied["between_ns"][0] <= S // 2 + 100 * MS
    assert bench.ask("snapshot") == before


def test_a_killed_agent_leaves_no_fault_longer_than_a_second(bench, partition: Wire) -> None:
    agent = bench.start_agent()
    bench.run("nft", "add", "table", "inet", "foreign")
    rules = bench.rules()
    armed = bench.arm(partition(at_ns=S // 2, for_ns=2 * S))
    deadline_ns = armed["t0_boottime_ns"] + 5 * S // 2
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    assert not bench.passes(PORT)
    wait_until(lambda: bench.passes(PORT), "the kernel ends the partition")
    assert abs(boottime_ns() - deadline_ns) < S
    wait_until(lambda: bench.rules() == rules, "the dead man's timer removes the table")
    assert boottime_ns() - deadline_ns < S
    bench.start_agent()
    wait_until(lambda: bench.state("partition-1") == "healed", "written down")
    healed = bench.records("partition-1")[-1]
    assert healed["reason"] == "dead_man"
    assert healed["between_ns"][0] == 5 * S // 2


def test_an_agent_that_comes_back_carries_on_what_the_last_one_had_armed(
    bench, partition: Wire
) -> None:
    agent = bench.start_agent()
    before = bench.ask("snapshot")
    step = {"id": "clock_step-1", "fault": "clock_step", "at_ns": S // 2, "by_ns": 300 * MS}
    armed = bench.arm(
        partition(at_ns=S // 2, for_ns=4 * S),
        {**step, "for_ns": 5 * S},
        partition(id="partition-2", at_ns=6 * S, for_ns=S),
        lease_ns=90 * S,
    )
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    wait_until(lambda: bench.state("clock_step-1") == "installed", "skewed")
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    bench.start_agent()
    assert boottime_ns() < armed["t0_boottime_ns"] + 4 * S, "too slow to show anything"
    assert not bench.passes(PORT)
    skew = bench.root / "run" / "skew"
    assert int.from_bytes(skew.read_bytes()[8:16], "little") == 300 * MS
    wait_until(lambda: bench.state("partition-2") == "healed", "the last one ended")
    for fault_id, begin_ns, end_ns in (
        ("partition-1", S // 2, 9 * S // 2),
        ("clock_step-1", S // 2, 11 * S // 2),
        ("partition-2", 6 * S, 7 * S),
    ):
        states = {each["state"]: each for each in bench.records(fault_id)}
        assert list(states) == ["armed", "applied", "installed", "healed"]
        assert begin_ns <= states["applied"]["between_ns"][0] <= begin_ns + 100 * MS
        assert end_ns <= states["healed"]["between_ns"][0] <= end_ns + 100 * MS
        assert states["healed"]["reason"] == ""
    assert bench.ask("status")["ledger"] == []
    assert bench.ask("snapshot") == before


def test_healing_twice_is_safe_and_works_without_an_agent(bench, partition: Wire) -> None:
    agent = bench.start_agent()
    bench.arm(partition(at_ns=S // 2, for_ns=60 * S), lease_ns=90 * S)
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
    bench.arm(
        partition(at_ns=S // 2, for_ns=60 * S),
        partition(at_ns=70 * S, id="partition-2"),
        lease_ns=90 * S,
    )
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
    bench.arm(partition(at_ns=S // 2, for_ns=60 * S), lease_ns=3 * S // 2)
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    wait_until(lambda: bench.state("partition-1") == "healed", "healed", 3)
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
    bench.arm(partition(at_ns=S // 2, for_ns=60 * S), lease_ns=90 * S)
    wait_until(lambda: bench.state("partition-1") == "installed", "installed")
    agent.terminate()
    assert agent.wait(timeout=10) == 0
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
    assert "capabilities" in bench.ask("hello")


def test_an_asked_delay_is_measured_within_two_milliseconds(bench, delay: Wire, median) -> None:
    agent = bench.start_agent()
    if not bench.ask("hello")["capabilities"]["nfqueue"]:
        pytest.skip("this kernel has no NFQUEUE")
    before = bench.ask("snapshot")
    base_ms = median(bench.round_trips_ms(50))
    bench.arm(delay(at_ns=3 * S, for_ns=4 * S, delay_ns=50 * MS) | {"how": "queue"})
    wait_until(lambda: bench.state("delay-1") == "installed", "installed")
    delayed, spared = [], []
    for _ in range(20):  # by turns, so that a busy machine slows both alike
        delayed += bench.round_trips_ms(1)
        spared += bench.round_trips_ms(1, PROBE_PORT)
    assert median(delayed) - median(spared) == pytest.approx(50, abs=2)
    assert median(spared) == pytest.approx(base_ms, abs=10), "the clock probes' port is spared"
    wait_until(lambda: bench.state("delay-1") == "healed", "healed")
    assert bench.records("delay-1")[-1]["read_back"]["delayer"]["delayed"] >= 20
    assert median(bench.round_trips_ms(20)) == pytest.approx(base_ms, abs=10)
    assert bench.ask("snapshot") == before
    assert agent.poll() is None


def test_a_killed_delayer_lets_packets_pass_and_the_record_says_so(
    bench, delay: Wire, median
) -> None:
    bench.start_agent()
    if not bench.ask("hello")["capabilities"]["nfqueue"]:
        pytest.skip("this kernel has no NFQUEUE")
    bench.arm(delay(at_ns=3 * S, for_ns=3 * S, delay_ns=50 * MS) | {"how": "queue"})
    wait_until(lambda: bench.state("delay-1") == "installed", "installed")
    pid_file = next((bench.root / "run").glob("delay-*.pid"))
    subprocess.run(("kill", "-KILL", pid_file.read_text().strip()), check=True)
    wait_until(lambda: bench.passes(PORT), "packets pass")
    assert median(bench.round_trips_ms(10)) < 10
    wait_until(lambda: bench.state("delay-1") == "failed", "ended early")
    assert bench.records("delay-1")[-1]["reason"] == "ended_early: the delayer had ended"
    assert bench.rules() == ""
