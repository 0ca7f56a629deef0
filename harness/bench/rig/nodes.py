"""Nodes of one chain and their clients, as real processes on loopback, and what they tell."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

import harness
from harness.bench.rig.ports import free_ports
from harness.campaign import campaign_file
from harness.deploy.keys import new_pair
from harness.errors import RunError
from harness.plan import genesis, lab_view, planner
from harness.plan.genesis import HostAccess

ROOT = Path(harness.__path__[0]).parent
"""The code that is measured: that of another checkout, where the bench is told to."""
LEAD_NS = 4_000_000_000
WAIT_S = 240.0

Process = subprocess.Popen[bytes]


def prepare(folder: Path, campaign: str) -> list[Path]:
    """Make a folder for each host of a campaign's text; return them.

    The hosts listen on loopback, their clocks are not checked, and the chain is about to begin.
    """
    file = campaign_file.parse(campaign, Path("bench.yml"))
    plan = planner.build(file, lab_view.simulated(file))
    ports = free_ports(2 * len(plan.hosts))
    hosts = [
        msgspec.structs.replace(host, address="127.0.0.1", node_port=port, probe_port=probe_port)
        for host, port, probe_port in zip(plan.hosts, ports[::2], ports[1::2], strict=True)
    ]
    plan = msgspec.structs.replace(plan, hosts=hosts)
    pairs = {host.host: new_pair() for host in hosts}
    access = {
        name: HostAccess(curve_public=pair.public, ntp=(), state_dir=".")
        for name, pair in pairs.items()
    }
    t0_ns = genesis.first_round_ns(plan, not_before_ns=time.time_ns() + LEAD_NS)
    files = genesis.trial_files(plan, plan.trials[0], t0_ns=t0_ns, keys=_secret, access=access)
    homes: list[Path] = []
    for name, texts in files.by_host.items():
        home = folder / name
        (home / "keys").mkdir(parents=True)
        for path, text in {**texts, "curve.secret": pairs[name].secret}.items():
            (home / path).write_text(text)
            (home / path).chmod(0o600)
        clock = {"required": False, "skew_file": "skew"}
        # However late the machine starts them all, one of them begins the chain.
        first = not homes
        edit(home, socket="sock", curve_secret_file="curve.secret", clock=clock,
             enable_stale_production=first)  # fmt: skip
        homes.append(home)
    return homes


def _secret(name: str) -> str:
    return sha256(f"bench/{name}".encode()).hexdigest()


def edit(home: Path, **changes: Any) -> None:
    """Change a node.json; of what is a map there, the keys that are given."""
    path = home / "node.json"
    config = json.loads(path.read_text())
    for key, value in changes.items():
        config[key] = {**config[key], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(config))


@contextmanager
def running(
    homes: Sequence[Path], role: str = "run", *, inside: Sequence[str] = ()
) -> Iterator[list[Process]]:
    """Yield a process for each home, ended afterwards; role is `run`, `client` or `probe`.

    inside: the words that start a command in another place.
    """
    found: list[Process] = []
    try:
        for home in homes:
            words = (*inside, sys.executable, "-m", "node", role, str(home / "node.json"))
            found.append(subprocess.Popen(words, cwd=ROOT))
        yield found
    finally:
        for process in found:
            process.terminate()
        for process in found:
            process.wait()


def until_told(homes: Sequence[Path], who: str, kind: str, processes: Sequence[Process]) -> None:
    """Wait until the `node` or `client` of each home has told an event of a kind.

    Raises:
        RunError: a process ended, or it took too long.
    """
    until_s = time.monotonic() + WAIT_S
    while not all(told(home, who, kind) for home in homes):
        if time.monotonic() > until_s or any(each.poll() is not None for each in processes):
            raise RunError(f"bench: a {who} did not tell {kind}")
        time.sleep(0.1)


def told(home: Path, who: str, *kinds: str) -> list[dict[str, Any]]:
    """Return the events of some kinds in the whole lines of a file, in order."""
    path = home / "events" / f"{who}.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    wanted = [f'"kind":"{kind}"'.encode() for kind in kinds]
    return [json.loads(line) for line in lines if any(each in line for each in wanted)]


def whole_life_s(process: Process) -> float:
    """Return the seconds of a processor that a process had in its whole life; wait for its end.

    Raises:
        RunError: it failed.
    """
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RunError(f"bench: a process ended with {process.returncode}")
    return used.ru_utime + used.ru_stime
