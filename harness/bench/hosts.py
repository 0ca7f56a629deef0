"""What takes a lab of hosts: deploying to it, a host that is dead, faults on all at one moment."""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from faults.host.boottime import boottime_ns
from harness.bench.rig import lab as rig_lab
from harness.bench.row import BareTimer, Row, of_samples
from harness.controller.console import Show, console_of
from harness.deploy import rollout
from harness.errors import RunError
from harness.inventory.inventory import Inventory
from harness.labs.lifecycle import power
from harness.orchestrator import run
from harness.orchestrator.job import RunOptions, job_of
from harness.remote.fan_out import Remote, refuse_failed

HOSTS = 8
COUNT = 8
FIRST_S = 6
EACH_S = 4
CAMPAIGN = """
schema: slotlab.campaign/v1
title: partitions of the whole lab
seed: 5
chain: {{profile: eosio, producers: {hosts}, slot: 500ms, blocks_per_turn: 1}}
warmup: 5s
cooldown: 2s
safety: {{max_unreachable: {hosts}}}
timeline:
"""
PARTITION = "  - {{id: p{n}, at: {at}s, for: 2s, fault: partition, shape: minority}}\n"
skipped = rig_lab.skipped


def rows() -> list[Row]:
    """Return the figures of one lab, made for them and removed again."""
    show = Show(console_of(stderr=True))
    with rig_lab.fresh(HOSTS, show) as (name, lab):
        return [*_deploys(name, lab, show.step), *_spread(lab, show)]


def _deploys(name: str, lab: Inventory, progress: Callable[[str], None]) -> list[Row]:
    def took_s() -> float:
        return rollout.deploy(lab, progress).elapsed_ns / 1e9

    figures = {"deploy": took_s(), "deploy again": took_s()}
    last = lab.hosts[-1].name
    power.run(name, last, "link-down")
    try:
        figures["deploy with a dead host"] = took_s()
    finally:
        power.run(name, last, "link-up")
    begun_s = time.monotonic()
    with Remote(lab) as remote:
        refuse_failed("log in", remote.run(None, "true"))
    floor_s = time.monotonic() - begun_s
    return [
        Row(bench="deploy", what=f"{what}, {HOSTS} hosts", unit="s", value=value, n=1,
            floor=floor_s, floor_is="a login to each")
        for what, value in figures.items()
    ]  # fmt: skip


def _spread(lab: Inventory, show: Show) -> list[Row]:
    """Return how far apart the hosts begin and end a partition; containers share one clock."""
    with tempfile.TemporaryDirectory(prefix="slb") as folder:
        file = Path(folder) / "spread.yml"
        steps = (PARTITION.format(n=n, at=FIRST_S + n * EACH_S) for n in range(COUNT))
        file.write_text(CAMPAIGN.format(hosts=HOSTS) + "".join(steps))
        options = RunOptions(campaign=str(file), runs=Path(folder) / "runs")
        done = run.run(job_of(options), lab.path, show)
        moments = _moments(done.folder)
    due = [boottime_ns() + (n + 2) * 200_000_000 for n in range(2 * COUNT)]
    timers = [BareTimer(due) for _ in range(HOSTS)]
    woken = [timer.end() for timer in timers]
    floors = [max(late) - min(late) for late in zip(*woken, strict=True)]
    spreads = [max(each) - min(each) for each in moments if len(each) == HOSTS]
    if not spreads:
        raise RunError("bench: no partition was carried out on every host")
    what = f"{HOSTS} hosts begin or end a partition within"
    return of_samples("spread", what, spreads, floors, f"{HOSTS} bare timers")


def _moments(folder: Path) -> list[list[float]]:
    """Return, of each beginning and end, when each host's agent acted, in ms since T0."""
    found: dict[tuple[str, str], list[float]] = {}
    for path in folder.glob("trials/1/hosts/*/agent.jsonl*"):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            if record["state"] in ("applied", "healed"):
                middle = sum(record["between_ns"]) / 2e6
                found.setdefault((record["fault"], record["state"]), []).append(middle)
    return list(found.values())
