"""The invariants every run must hold, judged from the events alone: holds, violated or unknown.

A violation needs one witness. That nothing was violated can only be said of a complete record: with
lost events, or a host without any, the answer is unknown.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from metrics.blocks import APPLIED, IRREVERSIBLE, PRODUCED, RECEIVED, ChainView
from metrics.run_files import load_json
from metrics.trial import TrialData

HOLDS, VIOLATED, UNKNOWN = "holds", "violated", "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """A claim, its verdict and the evidence in one line."""

    name: str
    verdict: str
    evidence: str


def checks(data: TrialData, chain: ChainView) -> list[Check]:
    """Return the invariants for one trial, and whether the hosts were left as found."""
    return [
        _conflicting(data, chain),
        _lib_decreases(data),
        _state_digest(data),
        _double_sign(data),
        _healed_state(data),
    ]


def _verdict(data: TrialData, name: str, problems: list[str], fine: str) -> Check:
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return Check(name, VIOLATED, problems[0] + more)
    missing = sorted({host.host for host in data.plan.hosts} - set(data.intake.hosts))
    lost = sum(loss.count for loss in data.intake.losses)
    if missing:
        return Check(name, UNKNOWN, f"no events from {', '.join(missing)}")
    if lost:
        return Check(name, UNKNOWN, f"{lost} events lost")
    return Check(name, HOLDS, fine)


def _conflicting(data: TrialData, chain: ChainView) -> Check:
    problems = [
        f"block {num} is final with {len(ids)} ids: {', '.join(sorted(i[:16] for i in ids))}"
        for num, ids in sorted(chain.final.items())
        if len(ids) > 1
    ]
    top = max(chain.final, default=0)
    hosts = {e.host for e in data.events("irreversible", IRREVERSIBLE)}
    fine = f"{len(chain.final)} final blocks (up to {top}) have one id at {len(hosts)} hosts"
    if not chain.final and not problems:
        return Check("no_conflicting_finality", UNKNOWN, "no block became final")
    return _verdict(data, "no_conflicting_finality", problems, fine)


def _lib_decreases(data: TrialData) -> Check:
    last: dict[str, int] = {}
    problems = []
    steps = [(e.node, e.seq, e.fields[0]) for e in data.events("irreversible", IRREVERSIBLE)]
    steps += [
        (e.node, e.seq, e.fields[0])
        for e in data.events("started", "resumed_lib role")
        if e.fields[1] == "node"
    ]
    steps += [
        (e.node, e.seq, e.fields[2]) for e in data.events("slot_due", "slot head_num lib_num")
    ]
    for node, _, num in sorted(steps):
        if num is not None and num < last.get(node, 0):
            problems.append(f"{node}: last irreversible block went from {last[node]} to {num}")
        last[node] = max(last.get(node, 0), num or 0)
    fine = f"{len(steps)} steps on {len(last)} nodes, restarts included"
    return _verdict(data, "lib_never_decreases", problems, fine)


def _state_digest(data: TrialData) -> Check:
    digests: dict[str, set[str]] = defaultdict(set)
    seen: dict[str, set[str]] = defaultdict(set)
    for event in data.events("applied", APPLIED):
        digests[event.fields[1]].add(event.fields[5])
        seen[event.fields[1]].add(event.host)
    problems = [
        f"block {id_[:16]} gave {len(found)} different states"
        for id_, found in sorted(digests.items())
        if len(found) > 1
    ]
    shared = sum(len(hosts) > 1 for hosts in seen.values())
    fine = f"{shared} blocks executed on several hosts gave one state each"
    return _verdict(data, "same_state_digest", problems, fine)


def _double_sign(data: TrialData) -> Check:
    signed: dict[tuple[str, int], set[str]] = defaultdict(set)
    for kind, columns in (("produced", PRODUCED), ("received", RECEIVED)):
        for event in data.events(kind, columns):
            _, id_, slot, producer, _ = event.fields
            signed[producer, slot].add(id_)
    problems = [
        f"{producer} signed {len(ids)} blocks for slot {slot}"
        for (producer, slot), ids in sorted(signed.items())
        if len(ids) > 1
    ]
    return _verdict(data, "no_double_sign", problems, f"{len(signed)} signed slots, one block each")


def _healed_state(data: TrialData) -> Check:
    """Return whether each host's network and clock state after the trial equals that before."""
    name = "host_state_restored"
    problems, compared = [], 0
    for folder in sorted((data.folder / "hosts").glob("*")):
        before, after = (load_json(folder / f"{word}.json") for word in ("before", "after"))
        if not isinstance(before, dict) or not isinstance(after, dict):
            continue
        compared += 1
        problems += [
            f"{folder.name}: {key} differs after healing"
            for key in ("nft", "tc", "iptables", "skew")
            if before.get(key) != after.get(key)
        ]
    if problems:
        return Check(name, VIOLATED, "; ".join(problems))
    if compared < len(data.plan.hosts):
        return Check(name, UNKNOWN, f"snapshots of {compared} of {len(data.plan.hosts)} hosts")
    return Check(name, HOLDS, f"nft, tc, iptables and skew file equal on {compared} hosts")
