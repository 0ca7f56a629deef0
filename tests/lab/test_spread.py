"""Every host of a lab acts once, in the plan's order: four partitions over 21 hosts.

How far apart and how late they acted is a figure of `slotlab bench`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.bench import MARKS, bench

pytestmark = [*MARKS, pytest.mark.long]

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
HOSTS = 21
FAULTS = ("p1", "p2", "p3", "p4")


def test_each_host_begins_and_ends_each_partition_once_and_in_order(tmp_path: Path) -> None:
    with bench("spread", hosts=HOSTS) as lab:
        lab.deploy()
        campaign = tmp_path / "parts.yml"
        campaign.write_text(CAMPAIGN.format(hosts=HOSTS, producers=HOSTS))
        words = ["run", str(campaign), "-i", str(lab.inventory), "--runs", str(tmp_path / "runs")]
        done = lab.slotlab(*words)
        # So many nodes on one machine may miss slots; what counts here is when the agents acted.
        assert done.returncode in (0, 1, 3), done.stdout + done.stderr
        journals = {host: lab.journal(host) for host in lab.names}
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
