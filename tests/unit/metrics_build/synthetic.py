"""A whole run folder with a known truth: four hosts, every kind of fault, clocks hours apart.

The truth is kept in true seconds since T0; only while writing is it turned into each host's clocks.
A block is final by two passes over quorums of distinct producers, as the rules have it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from tests.unit.metrics_build.synthetic_plan import (
    BASE_DELAY,
    CATCH_UP,
    DRIFT,
    GENESIS_SLOT,
    HOSTS,
    HOURS,
    PRODUCERS,
    QUORUM,
    SLOT,
    T0_WALL,
    Story,
    faults,
    plan,
)

UNITS = 1_000_000
"""What the one account owns."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the truth."""

    num: int
    slot: int
    producer: str
    host: str
    branch: str
    previous: str
    transactions: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Return a made-up id that begins with the number, as real ones do."""
        return f"{self.num:08x}{self.branch}{self.slot:x}".ljust(64, "0")


@dataclass(slots=True)
class HostLog:
    """One host's lines: (true seconds, writer, record), turned into clocks when written."""

    host: str
    entries: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)

    def add(self, t: float, kind: str, *, writer: str = "", **fields: Any) -> None:
        """Add an event at true time t; writer is empty, probe or client."""
        self.entries.append((t, writer, {"kind": kind, **fields}))


def mono(host: str, t: float) -> int:
    """Return host's monotonic clock at true time t."""
    return round((HOURS[host] * 3600 + 10_000 + t * (1 + DRIFT[host])) * 1e9)


def skew(story: Story, host: str, t: float) -> float:
    """Return how far host's wall clock is off at true time t."""
    return story.skew_by if host == "h2" and story.skew[0] <= t < story.skew[1] else 0.0


def down(story: Story, host: str, t: float, *, catching_up: float = 0.0) -> bool:
    """Return whether the node of host is dead at t (or still catching up, if that is given)."""
    return host == "h3" and story.kill[0] <= t < story.kill[1] + catching_up


def split(story: Story, t: float, *, catching_up: float = 0.0) -> bool:
    """Return whether the network is split at t (or h4 still catching up, if that is given)."""
    return story.partition[0] <= t < story.partition[1] + catching_up


def delay(story: Story, t: float, source: str, target: str) -> float:
    """Return the one-way delay of data packets; to h4 the way is a little longer than back."""
    extra = story.delay_real if story.delay[0] <= t < story.delay[1] else 0.0
    return BASE_DELAY + (0.0002 if target == "h4" else 0.0) + extra


def chain(story: Story) -> tuple[list[Block], list[Block]]:
    """Return (blocks of the majority's chain, blocks h4 made alone while split off)."""
    main: list[Block] = []
    alone: list[Block] = []
    held_until = 0.0
    for i in range(int(story.end / SLOT)):
        slot, t = GENESIS_SLOT + 1 + i, i * SLOT
        index = slot % 8 // 2
        host, producer = HOSTS[index], PRODUCERS[index]
        if down(story, host, t, catching_up=CATCH_UP) or skew(story, host, t):
            continue
        apart = host == "h4" and split(story, t, catching_up=CATCH_UP)
        branch, onto = (alone, "b") if apart else (main, "a")
        parent = branch[-1] if branch else (main[-1] if main else None)
        num = parent.num + 1 if parent else 2
        held = () if apart else sent_between(story, held_until, t)
        held_until = held_until if apart else t
        previous = parent.id if parent else "0" * 64
        branch.append(Block(num, slot, producer, host, onto, previous, held))
    return main, alone


def sent_between(story: Story, start: float, end: float) -> tuple[str, ...]:
    """Return ids of the transactions sent in [start, end) to nodes that were up."""
    times = ((i, i * SLOT + 0.1) for i in range(int(story.end) * 2))
    within = [(i, t) for i, t in times if start <= t < end]
    return tuple(f"{host}-{i}" for i, t in within for host in HOSTS if not down(story, host, t))


def final_at(blocks: list[Block]) -> dict[int, int]:
    """Return index of a block -> index of the block that makes it final, on one chain."""

    def quorum_from(start: int) -> int | None:
        seen: set[str] = set()
        for i in range(start, len(blocks)):
            seen.add(blocks[i].producer)
            if len(seen) == QUORUM:
                return i
        return None

    result = {}
    for i in range(len(blocks)):
        proposed = quorum_from(i)
        decided = quorum_from(proposed) if proposed is not None else None
        if decided is not None:
            result[i] = decided
    return result


def arrival(story: Story, block: Block, host: str) -> float:
    """Return the time host has the block: by gossip, or by sync after the split or the restart."""
    t = (block.slot - GENESIS_SLOT - 1) * SLOT + 0.002
    if host == block.host:
        return t
    t += delay(story, t, block.host, host)
    if split(story, t, catching_up=CATCH_UP) and "h4" in (host, block.host):
        return story.partition[1] + CATCH_UP + block.num * 1e-5
    if down(story, host, t, catching_up=CATCH_UP):
        return story.kill[1] + CATCH_UP + block.num * 1e-5
    return t


def _applied(block: Block, **more: int) -> dict[str, Any]:
    return {
        "num": block.num, "id": block.id, "previous": block.previous, "slot": block.slot,
        "producer": block.producer, "header": "00", "state_digest": "d" + block.id[:20],
        "tx_count": len(block.transactions), "transactions": list(block.transactions),
        **more,
    }  # fmt: skip


def node_events(story: Story, logs: dict[str, HostLog]) -> None:
    """Add what the nodes write about blocks: produced, received, applied, final, switched."""
    main, alone = chain(story)
    finals: dict[int, list[int]] = {}
    for index, decided in final_at(main).items():
        finals.setdefault(decided, []).append(index)
    for host, log in logs.items():
        if host == "h4":
            for block in alone:
                _seen(story, log, block)
            log.add(story.partition[1] + CATCH_UP, "switched", old=alone[-1].id, new="a",
                    depth=len(alone), old_num=alone[-1].num, new_num=alone[-1].num + 5,
                    ancestor="x", ancestor_num=alone[0].num - 1)  # fmt: skip
        for i, block in enumerate(main):
            t = _seen(story, log, block)
            for index in finals.get(i, []):
                log.add(t + 0.0002, "irreversible", num=main[index].num, id=main[index].id)


def _seen(story: Story, log: HostLog, block: Block) -> float:
    t = arrival(story, block, log.host)
    common = {"num": block.num, "id": block.id, "slot": block.slot, "producer": block.producer}
    took = {}
    if log.host == block.host:
        log.add(t, "produced", **common, tx_count=len(block.transactions), size_bytes=500,
                confirmed=0, late_ns=2_000_000, fsync_ns=500_000)  # fmt: skip
    else:
        log.add(t, "received", **common, **{"from": block.host}, size_bytes=500)
        took = {"executed_ns": 60_000}
    log.add(t + 0.0001, "applied", **_applied(block, **took))
    return t + 0.0001


def slot_events(story: Story, log: HostLog) -> None:
    """Add slot_due, abstained, clock, process and started events of one host."""
    host = log.host
    steps = sorted((t, r["kind"], r["num"]) for t, _, r in log.entries if r["kind"] in
                   ("applied", "irreversible"))  # fmt: skip
    log.add(-1.0, "started", software="1", python="3.11", role="node")
    head = lib = cursor = 0
    for i in range(int(story.end / SLOT) + 1):
        slot, nominal = GENESIS_SLOT + 1 + i, i * SLOT
        t = nominal - skew(story, host, nominal) + 0.0005
        while cursor < len(steps) and steps[cursor][0] <= t:
            _, kind, num = steps[cursor]
            head, lib = (num, lib) if kind == "applied" else (head, num)
            cursor += 1
        if down(story, host, t, catching_up=0.1):
            continue
        index = slot % 8 // 2
        log.add(t, "slot_due", slot=slot, producer=PRODUCERS[index], due_ns=0,
                wake_error_ns=80_000, head_num=head, lib_num=lib)  # fmt: skip
        if HOSTS[index] == host and skew(story, host, nominal):
            log.add(t, "abstained", slot=slot, producer=PRODUCERS[index], reason="clock_offset")
        if i % 10 == 0:
            off = round((skew(story, host, t) + 0.00005) * 1e9)
            log.add(t, "clock", source="ntp", offset_ns=off, bound_ns=400_000, rtt_ns=200_000,
                    verified=abs(off) < 125_000_000, reason="", stratum=10)  # fmt: skip
        if i % 2 == 0:
            log.add(t, "process", cpu_ns=i * 5_000_000, rss_bytes=40_000_000 + i * 1000)
    if host == "h3":
        last = {k: max(n for t, kind, n in steps if kind == k and t < story.kill[0])
                for k in ("applied", "irreversible")}  # fmt: skip
        log.add(story.kill[1] + 0.1, "started", software="1", python="3.11", role="node",
                resumed_num=last["applied"], resumed_lib=last["irreversible"])  # fmt: skip


def probe_events(story: Story, log: HostLog) -> None:
    """Add one burst a second to every peer on both flows; jitter moves no median."""
    for second in range(int(story.end)):
        for peer in HOSTS:
            if peer == log.host:
                continue
            t = second + 0.3 + 0.01 * HOSTS.index(log.host)
            for flow in ("clock", "path"):
                there, back = 0.0003, 0.0005
                slowed = flow == "path" and story.delay[0] <= t < story.delay[1]
                wandered = story.jitter * (second % 5 - 2) * slowed
                cut = flow == "path" and split(story, t) and "h4" in (peer, log.host)
                if flow == "path":
                    there, back = delay(story, t, log.host, peer), delay(story, t, peer, log.host)
                if cut:
                    log.add(t + 2.5, "probe", writer="probe", peer=peer, flow=flow, sent=8,
                            received=0)  # fmt: skip
                    continue
                log.add(
                    t + 2.5, "probe", writer="probe", peer=peer, flow=flow, sent=8, received=8,
                    t1_ns=mono(log.host, t), t2_ns=mono(peer, t + there),
                    t3_ns=mono(peer, t + there + 0.0001),
                    t4_ns=mono(log.host, t + there + back + 0.0001), peer_boot=f"boot-{peer}",
                    rtts_ns=[round((there + back + wandered) * 1e9)] * 8,
                )  # fmt: skip


def load_events(story: Story, log: HostLog) -> None:
    """Add two transactions a second, each included and final in time."""
    nums = {id_: block.num for block in chain(story)[0] for id_ in block.transactions}
    for i in range(int(story.end) * 2):
        t, id_ = i * SLOT + 0.1, f"{log.host}-{i}"
        log.add(t, "txs", writer="client", ids=[id_], state="sent")
        if not down(story, log.host, t) and t + 5 < story.end:
            for told, state in ((t + 0.9, "included"), (t + 5, "irreversible")):
                if down(story, log.host, told, catching_up=CATCH_UP):
                    told = story.kill[1] + CATCH_UP
                log.add(told, "txs", ids=[id_], state=state, num=nums[id_])


def events(story: Story) -> dict[str, list[dict[str, Any]]]:
    """Return every host's event lines, ready to be written."""
    logs = {host: HostLog(host) for host in HOSTS}
    node_events(story, logs)
    result = {}
    main, _ = chain(story)
    over = max(story.end + 3, *(t for log in logs.values() for t, _, _ in log.entries)) + 0.1
    for host, log in logs.items():
        for writer in ("", "probe", "client"):
            log.add(over, "stopped", writer=writer, reason="SIGTERM")
        last = main[max(final_at(main))]
        log.add(over - 0.01, "supply", num=last.num, id=last.id, held={"accounts": UNITS}, issued=0)
        slot_events(story, log)
        probe_events(story, log)
        load_events(story, log)
        result[host] = _lines(story, log)
    return result


def _lines(story: Story, log: HostLog) -> list[dict[str, Any]]:
    seq: dict[str, int] = {}
    lines = []
    for t, writer, record in sorted(log.entries, key=lambda e: (e[1], e[0])):
        seq[writer] = seq.get(writer, -1) + 1
        off = skew(story, log.host, t)
        lines.append({
            "v": 1, "kind": record["kind"], "host": log.host,
            "node": f"{log.host}.{writer}" if writer else log.host, "boot": f"boot-{log.host}",
            "seq": seq[writer], "wall_ns": T0_WALL + round((t + off) * 1e9),
            "mono_ns": mono(log.host, t), **{k: v for k, v in record.items() if k != "kind"},
        })  # fmt: skip
    return lines


def agent_lines(story: Story, host: str) -> list[dict[str, Any]]:
    """Return one host's agent journal."""
    base = {"v": 1, "host": host, "boot": f"boot-{host}", "trial": "1"}

    def line(t: float, fault: str, kind: str, state: str, how: str, **more: Any) -> dict[str, Any]:
        t_ns = round(t * 1e9)
        return {**base, "fault": fault, "kind": kind, "state": state, "mono_ns": mono(host, t),
                "wall_ns": T0_WALL + t_ns, "t_ns": t_ns, "between_ns": [t_ns - 900_000, t_ns],
                "asked": {}, "read_back": {}, "how": how, "reason": "", **more}  # fmt: skip

    lines = [line(-5.0, "", "agent", "armed", "",
                  read_back={"t0_wall_ns": T0_WALL, "t0_mono_ns": mono(host, 0.0)})]  # fmt: skip
    for fault in faults(story):
        if host in fault["targets"]:
            start = fault["at_ns"] / 1e9
            end = fault["end_ns"] / 1e9
            for t, state in ((start + 0.001, "installed"), (end + 0.002, "healed")):
                lines.append(line(t, fault["id"], fault["fault"], state, fault["how"]))
    return lines


def write(run: Path, story: Story, lines: dict[str, list[dict[str, Any]]] | None = None) -> Path:
    """Return run after writing the whole folder; lines may be given to tamper with the events."""
    trial = run / "trials" / "1"
    run.mkdir(parents=True, exist_ok=True)
    (run / "plan.json").write_bytes(msgspec.json.encode(plan(story)))
    for host, found in (lines or events(story)).items():
        folder = trial / "hosts" / host
        folder.mkdir(parents=True)
        raw = b"".join(msgspec.json.encode(line) + b"\n" for line in found)
        (folder / "events.jsonl.zst").write_bytes(zstandard.compress(raw, 3))
        journal = b"".join(msgspec.json.encode(x) + b"\n" for x in agent_lines(story, host))
        (folder / "agent.jsonl").write_bytes(journal)
        for word in ("before", "after"):
            state = {"nft": [], "tc": [], "iptables": "", "skew": "00" * 32}
            (folder / f"{word}.json").write_bytes(msgspec.json.encode(state))
    (trial / "verify.json").write_bytes(msgspec.json.encode(
        {"verdict": "holds", "evidence": "the builder of this run says so", "details": []}
    ))  # fmt: skip
    (trial / "genesis.json").write_bytes(msgspec.json.encode({"accounts": [{"balance": UNITS}]}))
    (trial / "trial.json").write_bytes(msgspec.json.encode({
        "n": 1, "label": "1", "seed": 7, "t0_wall_ns": T0_WALL, "chain_id": "c",
        "state": "complete", "reason": "", "started_ns": 1, "ended_ns": 2,
        "genesis_slot": GENESIS_SLOT,
    }))  # fmt: skip
    return run
