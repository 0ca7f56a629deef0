"""Brings a trial's raw files home: events (compressed here), the agents' journals, log text."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zstandard

from faults.layout import layout
from harness.fleet import DeployedHost, Fleet
from harness.remote import HostResult
from harness.store import RunFolder, write_json

ZSTD_LEVEL = 3
TOLD_MAX = 10
"""How many lines about files that cannot be read are taken from one host."""
COMPARED = ("nft", "tc", "iptables", "clock")
"""Parts of a host's snapshot that a trial must leave as it found them."""

_JOURNAL = (
    "journalctl --no-pager -q -o short-precise -u 'slotlab-*' --since @{since} 2>/dev/null"
    " || sudo -n journalctl --no-pager -q -o short-precise -u 'slotlab-*' --since @{since}"
)

EACH_FILE = (
    "unset bad; for file in node.jsonl probe.jsonl client.jsonl; do"
    " [ -e $file ] || [ -L $file ] || continue; LC_ALL=C cat $file || bad=1; echo; done;"
    ' [ -z "$bad" ]'
)
"""Every writer's lines, each file on a line of its own: half a line spoils no other writer's, and a
file that cannot be read takes no other with it. What `cat` says of it is on standard error.
"""


def collect(
    fleet: Fleet,
    folder: RunFolder,
    trial: int,
    deployed: Mapping[str, DeployedHost],
    *,
    since_ns: int,
) -> list[str]:
    """Return what could not be brought home, one line each; the rest is in the run folder."""
    problems = _events(fleet, folder, trial, deployed)
    problems += _journals(fleet, folder, trial)
    command = _JOURNAL.format(since=since_ns // 1_000_000_000 - 1)
    for host, result in fleet.remote.run(None, command).items():
        text = result.stdout if result.ok else f"no log: {result.problem}\n"
        (folder.host(trial, host) / "log.txt").write_text(text)
    return problems


def unread(result: HostResult) -> list[str]:
    """Return one line for each event file of a host that could not be read, or for all of them."""
    if result.ok:
        return []
    told = [line.removeprefix("cat: ") for line in result.stderr.splitlines() if line.strip()]
    if result.reason or not told:
        return [f"{result.host}: events not collected: {result.problem}"]
    return [f"{result.host}: events not collected: {line}" for line in told[:TOLD_MAX]]


def write_snapshot(folder: RunFolder, trial: int, name: str, snapshots: Mapping[str, Any]) -> None:
    """Write before.json or after.json of every host."""
    for host, snapshot in snapshots.items():
        write_json(folder.host(trial, host) / f"{name}.json", snapshot)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return one line a host and part of its state that is not as before the trial."""
    found = []
    for host in before:
        if host not in after:
            found.append(f"{host}: its state after the trial is not known")
            continue
        changed = [key for key in COMPARED if before[host].get(key) != after[host].get(key)]
        found += [f"{host}: {key} is not as before the trial" for key in changed]
    return found


def _events(
    fleet: Fleet, folder: RunFolder, trial: int, deployed: Mapping[str, DeployedHost]
) -> list[str]:
    def raw(host: str) -> Path:
        return folder.host(trial, host) / "events.jsonl"

    problems = []
    for state_dir in sorted({host.state_dir for host in deployed.values()}):
        hosts = [name for name, host in deployed.items() if host.state_dir == state_dir]
        events = shlex.quote(f"{state_dir}/events")
        command = f"cd {events} && {EACH_FILE}"
        for result in fleet.remote.fetch(hosts, command, raw, timeout_s=120).values():
            problems += unread(result)
    for host in deployed:
        path = raw(host)
        if path.exists():
            _compress(path)
    return problems


def _compress(path: Path) -> None:
    target = path.with_name(path.name + ".zst")
    with path.open("rb") as source, target.open("wb") as sink:
        zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).copy_stream(source, sink)
    path.unlink()


def _journals(fleet: Fleet, folder: RunFolder, trial: int) -> list[str]:
    """Write every agent's journal, asked for in the bounded pieces an agent hands out."""
    problems = []
    lines: dict[str, list[str]] = {host.name: [] for host in fleet.inventory.hosts}
    open_hosts = list(lines)
    while open_hosts:
        asked = {host: {"op": "journal", "from_line": len(lines[host])} for host in open_hosts}
        open_hosts = []
        for host, reply in fleet.remote.ctl(asked, timeout_s=30).items():
            if reply.problem:
                problems.append(f"{host}: agent journal not collected: {reply.problem}")
            elif reply.ok["lines"]:
                lines[host] += [_line(line) for line in reply.ok["lines"]]
                open_hosts.append(host)
    for host, found in lines.items():
        (folder.host(trial, host) / "agent.jsonl").write_text("".join(found))
    return problems


def provider_journal(folder: RunFolder, trial: int, place: Path) -> None:
    """Copy the journal of the provider's agent, which lives below place on this machine."""
    target = folder.provider(trial) / "agent.jsonl"
    journal = layout(place).journal_file
    target.write_bytes(journal.read_bytes() if journal.exists() else b"")


def _line(line: object) -> str:
    return (line.rstrip() if isinstance(line, str) else json.dumps(line)) + "\n"
