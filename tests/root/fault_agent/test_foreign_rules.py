"""A hundred random schedules through the agent leave what others had set up, byte for byte.

The host has a foreign nft table, a port redirect, and a user's own qdisc with a class and a filter.
Faults overlap, touch, end by themselves or are healed half way, as the seed has it.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.long]

MS = 1_000_000
S = 1_000_000_000
PORT = 9000
THERE = "10.9.0.2"
BENCHES = 4
SCHEDULES = 25
SEED = 20261121
FOREIGN = """
table inet firewall {
  set known {
    type ipv4_addr
    elements = { 10.9.0.2, 192.0.2.7 }
  }
  chain input {
    type filter hook input priority filter; policy accept;
    ip saddr @known accept
    tcp dport 22 counter accept
  }
}
table ip6 other {
  chain c {
    type filter hook forward priority 5; policy accept;
  }
}
"""
REDIRECT = """
table ip ports {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    tcp dport 8080 redirect to :80
  }
}
"""
REWRITE = """
table ip ports {
  chain prerouting {
    type filter hook prerouting priority -150; policy accept;
    tcp dport 8080 tcp dport set 80
  }
}
"""
"""The port redirect of a kernel without nat chains."""
QDISCS = (
    ("root handle 77: htb default 1", "parent 77: classid 77:1 htb rate 1gbit"),
    ("root handle 77: tbf rate 1gbit burst 1mb latency 50ms",),
    ("root handle 77: fq",),
    ("root handle 77: prio",),
)


def test_a_hundred_random_schedules_leave_foreign_rules_as_they_were(benches) -> None:
    with ThreadPoolExecutor(BENCHES) as threads:
        played = list(threads.map(_play, range(BENCHES), benches(BENCHES)))
    states = sum(played, Counter[str]())
    print(dict(states))
    assert states["schedules"] == BENCHES * SCHEDULES
    assert states["left"] == 0
    assert states["healed"] > SCHEDULES


def _play(number: int, bench: Any) -> Counter[str]:
    """Return what became of one bench's faults, by state; and how many schedules were played."""
    rng = random.Random(f"{SEED}/{number}")
    _furnish(bench, number)
    bench.start_agent()
    able = bench.ask("hello")["capabilities"]
    before, states = _outside(bench), Counter[str]()
    for _ in range(SCHEDULES):
        faults = _schedule(rng, able)
        healed_at = rng.choice([None, None, rng.uniform(0.5, 1.2)])
        bench.arm(*faults)
        if healed_at is not None:
            time.sleep(healed_at)
            bench.ask("heal")
        _wait_for_the_end(bench)
        reply = bench.ask("status")
        states += Counter(str(each["state"]) for each in reply["faults"])
        states += Counter(schedules=1, left=len(reply["ledger"]))
        assert _outside(bench) == before, f"seed {SEED}, bench {number}, {faults}"
    return states


def _furnish(bench: Any, number: int) -> None:
    assert _load(bench, FOREIGN) == ""
    if _load(bench, REDIRECT):
        assert _load(bench, REWRITE) == "", "neither nat nor rewriting in this kernel"
    dev = ("dev", "eth0")
    for words in (QDISCS[number % len(QDISCS)], ("root handle 77: pfifo limit 333",)):
        made = []
        for kind, line in zip(("qdisc", "class"), words, strict=False):
            made.append(bench_try(bench, "tc", kind, "add", *dev, *line.split()))
        if all(made):
            return
        bench_try(bench, "tc", "qdisc", "del", *dev, "root")
    raise AssertionError("this kernel takes no qdisc at all")


def bench_try(bench: Any, *words: str) -> bool:
    try:
        bench.run(*words)
    except subprocess.CalledProcessError:
        return False
    return True


def _load(bench: Any, text: str) -> str:
    """Return what nft says against the tables in text, "" when they are in force."""
    words = ("ip", "netns", "exec", bench.here, "nft", "-f", "-")
    done = subprocess.run(words, input=text, text=True, check=False, capture_output=True)
    return done.stderr


def _outside(bench: Any) -> list[str]:
    """Return what is there beside ours, as the tools print it."""
    shown = (
        ("nft", "list", "ruleset"),
        ("tc", "qdisc", "show"),
        ("tc", "class", "show", "dev", "eth0"),
        ("tc", "filter", "show", "dev", "eth0"),
    )
    return [bench.run(*words) for words in shown]


def _schedule(rng: random.Random, able: dict[str, bool]) -> list[dict[str, object]]:
    """Return one to four faults that may overlap, of kinds that this host can do."""
    kinds = ["partition", "cut", "partition", "cut"]
    kinds += ["loss"] * able["loss"] + rng.sample(["clock_step", "clock_drift"], 1)
    kinds += ["delay"] * able["nfqueue"] + ["ntp_cut"]
    faults = []
    for number, kind in enumerate(rng.sample(kinds, rng.randint(1, 4))):
        at_ns, for_ns = rng.randrange(500, 900) * MS, rng.randrange(50, 400) * MS
        wire = {"id": f"{kind}-{number}", "fault": kind, "at_ns": at_ns, "for_ns": for_ns}
        faults.append(wire | _details(rng, kind))
    return faults


def _details(rng: random.Random, kind: str) -> dict[str, object]:
    if kind in ("partition", "cut"):
        sides = rng.choice([([THERE], []), ([], [THERE]), ([THERE], [THERE])])
        return {"blocked_in": sides[0], "blocked_out": sides[1], "node_port": PORT}
    if kind == "loss":
        return {
            "interface": "eth0",
            "peers": [{"host": "n2", "address": THERE}],
            "share_ppm": rng.choice([300_000, 10**6]),
            "node_port": PORT,
        }
    if kind == "clock_step":
        return {"by_ns": rng.randrange(-S, S)}
    if kind == "clock_drift":
        return {"by_ppb": rng.randrange(-500_000, 500_000)}
    if kind == "ntp_cut":
        return {"servers": [THERE]}
    row = {"host": "n2", "address": THERE, "delay_ns": rng.randrange(1, 30) * MS, "jitter_ns": 0}
    return {
        "interface": "eth0", "node_port": PORT, "seed": 1, "how": "queue",
        "peers": [row],
    }  # fmt: skip


def _wait_for_the_end(bench: Any) -> None:
    def ended() -> bool:
        states = {each["state"] for each in bench.ask("status")["faults"]}
        return states <= {"healed", "skipped", "failed"}

    wait_until(ended, "the end of every fault")
    bench.ask("heal")
