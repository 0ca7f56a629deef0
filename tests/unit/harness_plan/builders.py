"""Builders for plans and campaigns: labs of any size, campaigns of any timeline, with defaults."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from harness.campaign import campaign_file
from harness.campaign.campaign_file import CampaignFile
from harness.plan import planner
from harness.plan.genesis import HostAccess, TrialFiles, first_round_ns, kept_secret, trial_files
from harness.plan.planner import LabView
from metrics.model.plan import Plan, PlannedHost

ALL_ABLE = {"netem": False, "nfqueue": True, "nft": True, "systemd": True}

HEAD = """
schema: slotlab.campaign/v1
title: a test
seed: 5
chain: {producers: %d, slot: 500ms, blocks_per_turn: 2}
warmup: 10s
"""


def lab(hosts: int = 4, capabilities: dict[str, bool] | None = None) -> LabView:
    """Return a lab n1..nN with addresses 192.0.2.1.., able to do every fault unless said."""
    names = [f"n{i}" for i in range(1, hosts + 1)]
    able = ALL_ABLE if capabilities is None else capabilities
    return LabView(
        lab="container",
        hosts=tuple(
            PlannedHost(
                host=name,
                address=f"192.0.2.{i}",
                interface="eth0",
                zone="",
                node_port=9000,
                probe_port=9001,
            )
            for i, name in enumerate(names, start=1)
        ),
        groups={"nodes": names, "left": names[:2]},
        capabilities=dict.fromkeys(names, able),
    )


def file(timeline: str = "[]", *, producers: int = 4, more: str = "") -> CampaignFile:
    """Return a campaign with the given timeline (YAML) and further top-level keys."""
    text = f"{HEAD % producers}{more}\ntimeline: {timeline}\n"
    return campaign_file.parse(text, Path("test.yml"))


def files_of(
    made: Plan, keys: Path, *, t0_ns: int | None = None, ntp: tuple[str, ...] = ()
) -> TrialFiles:
    """Return the files of a plan's first trial, by default from the first full round on."""
    access = {
        host.host: HostAccess(curve_public="k" * 40, ntp=ntp, state_dir="/var/lib/slotlab")
        for host in made.hosts
    }
    if t0_ns is None:
        t0_ns = first_round_ns(made, not_before_ns=1_795_000_000_123_456_789)
    return trial_files(
        made, made.trials[0], t0_ns=t0_ns, keys=partial(kept_secret, keys), access=access
    )


def planned(timeline: str = "[]", *, hosts: int = 4, producers: int = 4, more: str = "") -> Plan:
    """Return the plan of such a campaign."""
    return planner.build(file(timeline, producers=producers, more=more), lab(hosts))
