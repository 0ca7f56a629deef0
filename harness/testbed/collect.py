"""Brings a trial's raw files home: events (compressed here), the agents' journals, log text."""

import contextlib
import json
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from faults.host.layout import layout
from faults.model.record import LEASE_EXPIRED, NO_ROOM, Record
from harness.controller.store import RunFolder, write_json
from harness.remote.agent_channel import PATIENCE_S
from harness.remote.fan_out import HostResult, Remote
from metrics.model.run_folder import BROKEN

ZSTD_LEVEL = 1
"""Of event lines the next two levels make larger files, in more time."""
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
    remote: Remote, folder: RunFolder, trial: int, places: Mapping[str, str], *, since_ns: int
) -> list[str]:
    """Return what could not be brought home, one line each; the rest is in the run folder.

    places: each host's state folder.
    """
    problems = _events(remote, folder, trial, places)
    problems += _journals(remote, folder, trial, places)
    command = _JOURNAL.format(since=since_ns // 1_000_000_000 - 1)
    for host, result in remote.run(None, command).items():
        text = result.stdout if result.ok else f"no log: {result.problem}\n"
        (folder.host(trial, host) / "log.txt").write_text(text)
    return problems


def agent_records(folder: RunFolder, trial: int, host: str, label: str) -> list[Record]:
    """Return what a host's agent wrote of a trial, as far as it can be read."""
    path, found = folder.host(trial, host) / "agent.jsonl", []
    for line in path.read_bytes().split(b"\n") if path.exists() else []:
        with contextlib.suppress(*BROKEN):
            found.append(msgspec.json.decode(line, type=Record))
    return [record for record in found if record.trial == label]


def stopped(records: Iterable[Record], *, before_ns: int | None = None) -> list[str]:
    """Return what of a trial an agent stopped on its host, and why, a line each.

    before_ns: only what it did so early, from T0.
    """
    why = {LEASE_EXPIRED: "as the lease had ended", NO_ROOM: "as its disk was nearly full"}
    return [
        f"{each.host}: {', '.join(map(str, each.read_back.get('units', [])))} stopped"
        f" {why.get(each.reason, each.reason)}"
        for each in records
        if each.state == "stopped"
        and (before_ns is None or (each.t_ns is not None and each.t_ns < before_ns))
    ]


def let_go(remote: Remote, label: str, owner: str) -> None:
    """Tell the hosts that the next trial may replace this one; who is away keeps it."""
    remote.ctl_all("collected", trial=label, owner=owner)


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


def compare(remote: Remote, folder: RunFolder, trial: int, before: Mapping[str, Any]) -> list[str]:
    """Write after.json of every host that answers, and return how they differ from before."""
    replies = remote.ctl_all("snapshot", timeout_s=PATIENCE_S)
    after = {host: reply.ok for host, reply in replies.items() if not reply.problem}
    write_snapshot(folder, trial, "after", after)
    return differences(before, after)


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


def _events(remote: Remote, folder: RunFolder, trial: int, places: Mapping[str, str]) -> list[str]:
    def raw(host: str) -> Path:
        return folder.host(trial, host) / "events.jsonl"

    problems = []
    commands = {
        host: f"cd {shlex.quote(f'{place}/events')} || exit 1; {EACH_FILE}"
        for host, place in places.items()
    }
    for host, result in remote.run_each(commands, into=raw, timeout_s=120).items():
        problems += unread(result)
        if raw(host).exists():
            _compress(raw(host), keep_other=not result.ok)
    return problems


def _compress(path: Path, *, keep_other: bool) -> None:
    """Compress a file; what an earlier call brought stays where this one did not bring all."""
    target = path.with_name(path.name + ".zst")
    if keep_other and target.exists():
        path.unlink()
        return
    with path.open("rb") as source, target.open("wb") as sink:
        zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).copy_stream(source, sink)
    path.unlink()


def _journals(
    remote: Remote, folder: RunFolder, trial: int, places: Mapping[str, str]
) -> list[str]:
    """Write every agent's journal: asked for in the bounded pieces an agent hands out, else, where
    no agent answers, as it is on the disk.
    """
    problems = []
    lines: dict[str, list[str]] = {host: [] for host in places}
    dead: dict[str, str] = {}
    open_hosts = list(lines)
    while open_hosts:
        asked = {host: {"op": "journal", "from_line": len(lines[host])} for host in open_hosts}
        open_hosts = []
        for host, reply in remote.ctl(asked, timeout_s=30).items():
            if reply.problem:
                dead[host] = reply.problem
            elif reply.ok["lines"]:
                lines[host] += [_line(line) for line in reply.ok["lines"]]
                open_hosts.append(host)
    commands = {host: ("cat", f"{places[host]}/agent/agent.jsonl") for host in dead}
    for host, result in remote.run_each(commands).items() if commands else ():
        lines[host] = [_line(line) for line in result.stdout.split("\n") if line]
        if not result.ok:
            problems.append(f"{host}: agent journal not collected: {dead[host]}")
    for host, found in lines.items():
        path = folder.host(trial, host) / "agent.jsonl"
        if found or not path.exists():
            path.write_text("".join(found))
    return problems


def provider_journal(folder: RunFolder, trial: int, place: Path) -> None:
    """Copy the journal of the provider's agent, which lives below place on this machine."""
    target = folder.provider(trial) / "agent.jsonl"
    journal = layout(place).journal_file
    target.write_bytes(journal.read_bytes() if journal.exists() else b"")


def _line(line: object) -> str:
    return (line.rstrip() if isinstance(line, str) else json.dumps(line)) + "\n"
