"""Every host of a lab acts once, in the plan's order: partitions over 8 and 21 hosts; the agent.

Containers share one clock, so times of different hosts compare without error. How far apart and how
late they acted is printed (`pytest -s`), not judged: it depends on what else the machine does.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from tests.lab.bench import MARKS, Bench, bench

pytestmark = MARKS

CAMPAIGN = """\
schema: slotlab.campaign/v1
title: four partitions of the whole lab
seed: 5
chain: {{profile: eosio, producers: {producers}, slot: 500ms, blocks_per_turn: 1}}
trials: {{repeat: 1}}
warmup: 5s
cooldown: 2s
safety: {{max_unreachable: {hosts}}}
timeline:
  - {{id: p1, at: 5s, for: 2s, fault: partition, shape: minority}}
  - {{id: p2, at: 9250ms, for: 2s, fault: partition, shape: minority}}
  - {{id: p3, at: 13s, for: 2s, fault: partition, shape: minority}}
  - {{id: p4, at: 17250ms, for: 2s, fault: partition, shape: minority}}
"""
FAULTS = ("p1", "p2", "p3", "p4")
AT_S = {"p1": 5, "p2": 9.25, "p3": 13, "p4": 17.25}
"""Two at a slot, when the nodes of all hosts wake on the processors they share, two between."""

AGENT_RSS_MAX_KB = 35 * 1024
IDLE_S = 10
IDLE_CPU_MAX = 0.01


@pytest.mark.parametrize("hosts", [8, 21])
def test_each_host_begins_and_ends_each_partition_once_and_in_order(
    hosts: int, tmp_path: Path
) -> None:
    with bench(f"spread{hosts}", hosts=hosts) as lab:
        lab.deploy()
        assert_agent_is_small_and_quiet(lab)
        campaign = tmp_path / "parts.yml"
        campaign.write_text(CAMPAIGN.format(hosts=hosts, producers=hosts))
        words = ["run", str(campaign), "-i", str(lab.inventory), "--runs", str(tmp_path / "runs")]
        done = lab.slotlab(*words)
        # So many nodes on one machine may miss slots; what counts here is when the agents acted.
        assert done.returncode in (0, 1, 3), done.stdout + done.stderr
        journals = {host: lab.journal(host) for host in lab.names}
    for state, due_s in (("applied", 0.0), ("healed", 2.0)):
        spreads, late = [], []
        for fault in FAULTS:
            found = [between(journals[host], fault, state) for host in lab.names]
            middles = [(begin + end) / 2 for begin, end in found]
            spreads.append((max(middles) - min(middles)) / 1e6)
            late += [begin / 1e6 - (AT_S[fault] + due_s) * 1e3 for begin, _ in found]
        print(
            f"{hosts} hosts, {state}: spread ms {sorted(round(s, 1) for s in spreads)},"
            f" begun late ms p50 {statistics.median(late):.2f} max {max(late):.2f}"
        )
    for host in lab.names:
        order = [between(journals[host], f, s) for f in FAULTS for s in ("applied", "healed")]
        edges = [edge for stretch in order for edge in stretch]
        assert edges == sorted(edges), host


def between(journal: list[dict[str, object]], fault: str, state: str) -> tuple[int, int]:
    """Return the stretch since T0, in ns, in which the fault came into the state."""
    (line,) = [x for x in journal if x["fault"] == fault and x["state"] == state]
    stretch = line["between_ns"]
    assert isinstance(stretch, list)
    return stretch[0], stretch[1]


def assert_agent_is_small_and_quiet(lab: Bench) -> None:
    """The idle agent of one host holds at most 35 MB and takes at most 1 % of a core."""
    pid = lab.on("n1", "systemctl", "show", "-P", "MainPID", "slotlab-agent").stdout.strip()
    look = f"cat /proc/{pid}/stat; sleep {IDLE_S}; cat /proc/{pid}/stat; getconf CLK_TCK;"
    look += f"grep VmRSS /proc/{pid}/status"
    first, second, ticks, rss = lab.on("n1", f"sudo sh -c '{look}'").stdout.splitlines()
    used = sum(map(int, second.split()[13:15])) - sum(map(int, first.split()[13:15]))
    share = used / int(ticks) / IDLE_S
    rss_kb = int(rss.split()[1])
    print(f"agent: {rss_kb / 1024:.1f} MB, {share:.2%} of a core idle")
    assert rss_kb <= AGENT_RSS_MAX_KB
    assert share <= IDLE_CPU_MAX
