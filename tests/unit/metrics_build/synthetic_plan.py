"""What the synthetic run was meant to be: its hosts, its story and its plan.json."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SLOT = 0.5
GENESIS_SLOT = 1_700_000_007
"""(GENESIS_SLOT + 1) % 8 == 0: T0 begins a full round of 4 producers, 2 slots each."""
T0_WALL = 946_684_800_000_000_000 + (GENESIS_SLOT + 1) * 500_000_000
HOSTS = ("h1", "h2", "h3", "h4")
PRODUCERS = ("producera", "producerb", "producerc", "producerd")
HOURS = {"h1": 1.0, "h2": -3.0, "h3": 7.5, "h4": 0.25}
DRIFT = {"h1": 0.0, "h2": 20e-6, "h3": -35e-6, "h4": 5e-6}
BASE_DELAY = 0.001
QUORUM = 3
CATCH_UP = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """When what happens, in seconds since T0; end is the last slot's time."""

    warmup: float = 8.0
    delay: tuple[float, float] = (20.0, 30.0)
    partition: tuple[float, float] = (35.0, 45.0)
    skew: tuple[float, float] = (52.0, 60.0)
    kill: tuple[float, float] = (66.0, 71.0)
    end: float = 100.0
    delay_asked: float = 0.080
    delay_real: float = 0.0804
    jitter: float = 0.010
    skew_by: float = 0.300
    expect: dict[str, Any] = field(default_factory=dict)


def faults(story: Story) -> list[dict[str, Any]]:
    """Return the plan's faults."""

    def fault(id_: str, kind: str, window: tuple[float, float], **more: Any) -> dict[str, Any]:
        at_ns, end_ns = (round(edge * 1e9) for edge in window)
        lasting = {"for_ns": end_ns - at_ns, "end_ns": end_ns}
        return {"id": id_, "fault": kind, "at_ns": at_ns, **lasting, **more}

    groups = [["h1", "h2", "h3"], ["h4"]]
    pairs = [[a, b] for i, a in enumerate(HOSTS) for b in HOSTS[i + 1 :]]
    return [
        fault("delay-1", "delay", story.delay, targets=list(HOSTS), how="netem", pairs=pairs,
              asked={"delay_ns": round(story.delay_asked * 1e9), "jitter_ns": 10_000_000}),
        fault("partition-1", "partition", story.partition, targets=list(HOSTS), how="nft",
              asked={"shape": "minority"}, groups=groups),
        fault("clock_step-1", "clock_step", story.skew, targets=["h2"], how="process clock",
              asked={"by_ns": round(story.skew_by * 1e9), "level": "process"}),
        fault("kill-1", "kill", story.kill, targets=["h3"], how="signal",
              asked={"signal": "SIGKILL", "restart_after_ns": 5_000_000_000}),
    ]  # fmt: skip


def plan(story: Story) -> dict[str, Any]:
    """Return plan.json."""
    marks = [0.0, story.warmup, *story.delay, *story.partition, *story.skew, *story.kill, 85.0,
             story.end]  # fmt: skip
    names = ["warmup", "baseline", "delay-1", "recovery", "partition-1", "recovery", "clock_step-1",
             "recovery", "kill-1", "recovery", "after"]  # fmt: skip
    phases = [
        {"name": name, "start_ns": round(a * 1e9), "end_ns": round(b * 1e9)}
        for name, a, b in zip(names, marks[:-1], marks[1:], strict=True)
    ]
    hosts = [
        {"host": host, "address": f"10.0.0.{i + 1}", "interface": "eth0", "zone": "a",
         "node_port": 9000, "probe_port": 9001, "producers": [PRODUCERS[i]]}
        for i, host in enumerate(HOSTS)
    ]  # fmt: skip
    return {
        "schema": "slotlab.plan/v1", "campaign": "synthetic", "title": "a run with a known truth",
        "lab": "hardware", "seed": 7, "profile": "eosio", "slot_ns": 500_000_000,
        "blocks_per_turn": 2, "clock_limit_ns": 125_000_000, "warmup_ns": round(story.warmup * 1e9),
        "end_ns": round(story.end * 1e9), "hosts": hosts, "producers": list(PRODUCERS),
        "expect": story.expect, "cells": [{"n": 1, "params": {}}],
        "trials": [{"n": 1, "cell": 1, "seed": 7, "faults": faults(story), "phases": phases,
                    "quorum": [{"from_ns": 0, "to_ns": round(story.end * 1e9), "live": 3,
                                "needed": 3, "hosts": list(HOSTS), "finality_expected": True}]}],
        "finality": {"stages": 2, "quorum": QUORUM, "by_scheduled": [1, 2, 3, QUORUM]},
        "prediction": {"finality_lag_blocks": {"min": 7, "max": 8}},
        "lease": "auto", "estimate": {"seconds": 120, "raw_bytes": 1_000_000},
    }  # fmt: skip
