"""Delay by netem on a kernel that has it: as long as asked, in order, both families, all healed.

Also by nft's queue verdict, which the controller's own kernel may lack.
"""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Iterator
from typing import Any

import pytest

from tests.vm.vmbench import FAR, PORT, Bench, S, bench

pytestmark = [
    pytest.mark.vm,
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="a VM lab needs root"),
    pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="needs qemu-system-x86"),
]

MS = 1_000_000
CLOCK_PROBE_PORT = 9001
SIX = "fd99::2"
FOR_NS = 250 * S
"""Longer than any test takes to measure on a busy machine; healed by hand after that."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Bench]:
    with bench() as made:
        yield made


def delay(lab: Bench, how: str, *, delay_ms: int, jitter_ms: int = 0) -> dict[str, Any]:
    rows = [
        {"host": "n2", "address": each, "delay_ns": delay_ms * MS, "jitter_ns": jitter_ms * MS}
        for each in (lab.addresses["n2"], SIX)
    ]
    return {
        "id": "d", "fault": "delay", "at_ns": 0, "for_ns": FOR_NS, "interface": "eth0",
        "node_port": PORT, "peers": rows,
        "seed": 3, "how": how,
    }  # fmt: skip


def quartile_ms(lab: Bench, **where: Any) -> float:
    """Return the lower quartile: on a busy machine the steadiest mark of a constant delay."""
    times = lab.round_trips(80, **where)["times"]
    return statistics.quantiles(times, n=4)[0]


def qdisc(lab: Bench) -> str:
    return lab.run("n1", "tc qdisc show dev eth0")


@pytest.mark.parametrize("how", ["netem", "queue"])
def test_a_delay_is_as_long_as_asked_for_the_nodes_flows_alone(lab: Bench, how: str) -> None:
    before, snapshot = qdisc(lab), lab.ask("snapshot")
    base_ms = quartile_ms(lab)
    lab.arm(delay(lab, how, delay_ms=50))
    found = lab.wait_state("d", "installed", "indeterminate", "failed")
    assert found["state"] == "installed", found["reason"]
    for address in (lab.addresses["n2"], SIX):
        assert abs(quartile_ms(lab, address=address) - base_ms - 50) < 2 + 0.02 * 50
    assert quartile_ms(lab, port=CLOCK_PROBE_PORT) < 25
    assert lab.ask("heal") == {"healed": ["d"], "left": []}
    found = lab.wait_state("d", "healed", "failed")
    assert found["state"] == "healed", found["reason"]
    assert quartile_ms(lab) < 25
    assert qdisc(lab) == before
    assert lab.ask("snapshot") == snapshot


def test_jitter_by_netem_swaps_nothing_and_does_not_bias_the_delay(lab: Bench) -> None:
    base_ms = quartile_ms(lab)
    before = qdisc(lab)
    lab.arm(delay(lab, "netem", delay_ms=50, jitter_ms=10))
    found = lab.wait_state("d", "installed", "indeterminate", "failed")
    assert found["state"] == "installed", found["reason"]
    found = lab.round_trips(800, gap_s=0.01)
    assert found["swapped"] == 0
    low, middle, high = statistics.quantiles(found["times"], n=4)
    assert abs(middle - base_ms - 50) < 2 + 0.02 * 50
    assert high - low > 5, "there is a jitter at all"
    assert lab.ask("heal") == {"healed": ["d"], "left": []}
    assert lab.wait_state("d", "healed", "failed")["state"] == "healed"
    assert qdisc(lab) == before
    assert lab.run("n1", "pgrep -f [n]etem_jitter", check=False) == ""


@pytest.mark.parametrize("how", ["netem", "queue"])
def test_layers_add_up_and_each_ends_without_the_others(lab: Bench, how: str) -> None:
    before, snapshot = qdisc(lab), lab.ask("snapshot")
    base_ms = quartile_ms(lab)
    layers = {"a": 20, "b": 35, "c": 50}
    lab.arm(*(delay(lab, how, delay_ms=ms) | {"id": name} for name, ms in layers.items()))
    for name in layers:
        found = lab.wait_state(name, "installed", "indeterminate", "failed")
        assert found["state"] == "installed", found["reason"]
    left_ms = sum(layers.values())
    assert abs(quartile_ms(lab) - base_ms - left_ms) < 3 + 0.02 * left_ms
    for name in ("b", "a"):
        (entry,) = [each for each in lab.ask("status")["ledger"] if each["fault_id"] == name]
        lab.run("n1", f"sh {FAR}/root/state/agent/ledger/{entry['token']}.sh")
        found = lab.wait_state(name, "failed", "healed")
        assert found["reason"].startswith("ended_early")
        left_ms -= layers[name]
        assert abs(quartile_ms(lab) - base_ms - left_ms) < 3 + 0.02 * left_ms
    assert lab.ask("heal") == {"healed": ["c"], "left": []}
    assert lab.wait_state("c", "healed", "failed")["state"] == "healed"
    assert quartile_ms(lab) < 25
    assert qdisc(lab) == before
    assert lab.ask("snapshot") == snapshot


def shaper(lab: Bench, kind: str, fault_id: str, **asked: int) -> dict[str, Any]:
    rows = [{"host": "n2", "address": lab.addresses["n2"]}]
    wire = delay(lab, "netem", delay_ms=0) | {"id": fault_id, "fault": kind, "peers": rows}
    return wire | asked


def test_netem_does_what_is_asked_of_each_kind_on_top_of_others(lab: Bench) -> None:
    before = qdisc(lab)
    base_ms = quartile_ms(lab)
    lab.arm(
        shaper(lab, "loss", "lost", share_ppm=200_000, burst=4),
        shaper(lab, "reorder", "late", share_ppm=250_000, by_ns=60 * MS),
        shaper(lab, "corrupt", "wrong", share_ppm=100_000),
        shaper(lab, "rate", "slow", rate_bps=200_000),
    )
    for name in ("lost", "late", "wrong", "slow"):
        found = lab.wait_state(name, "installed", "indeterminate", "failed")
        assert found["state"] == "installed", found["reason"]
    found = lab.round_trips(1_500, gap_s=0.02)
    arrived, kept = len(found["times"]) / 1_500, 0.8 * 0.9
    assert abs(arrived - kept) < 0.08
    late = sum(each > base_ms + 30 for each in found["times"]) / len(found["times"])
    assert abs(late - 0.25) < 0.08
    assert found["swapped"] > 0
    assert lab.ask("heal")["left"] == []
    assert qdisc(lab) == before


@pytest.mark.parametrize("theirs", ["fq", "prio bands 5"])
def test_a_users_own_root_qdisc_is_refused_and_left_alone(lab: Bench, theirs: str) -> None:
    lab.run("n1", f"tc qdisc replace dev eth0 root handle 77: {theirs}")
    try:
        before = qdisc(lab)
        assert lab.ask("hello")["capabilities"]["foreign_qdisc"] is True
        wire = delay(lab, "netem", delay_ms=50)
        reply = lab.try_ask("arm", trial="t", t0_in_ns=8 * S, lease_ns=120 * S, faults=[wire])
        assert reply["error"]["reason"] == "foreign_qdisc"
        assert qdisc(lab) == before
    finally:
        lab.run("n1", "tc qdisc del dev eth0 root")
    assert lab.ask("hello")["capabilities"]["foreign_qdisc"] is False


def test_a_qdisc_that_somebody_replaced_has_ended_early_and_theirs_stays(lab: Bench) -> None:
    lab.arm(delay(lab, "netem", delay_ms=50))
    assert lab.wait_state("d", "installed", "indeterminate", "failed")["state"] == "installed"
    lab.run("n1", "tc qdisc del dev eth0 root; tc qdisc add dev eth0 root handle 77: pfifo")
    try:
        found = lab.wait_state("d", "failed", "healed")
        assert (found["state"], found["reason"]) == ("failed", "ended_early: the qdisc was gone")
        assert "pfifo 77:" in qdisc(lab)
    finally:
        lab.run("n1", "tc qdisc del dev eth0 root")
