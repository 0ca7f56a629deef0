"""One load of signed transfers on nodes and their clients, on loopback, and what became of it."""

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.bench.rig.machine import processor_s, signed_s
from harness.bench.rig.nodes import edit, prepare, running, told, until_told, whole_life_s
from harness.errors import RunError

LEAD_NS = 20_000_000_000
"""So long do nodes and clients of a busy machine take until blocks are final and the load comes."""
CALM_NS = 8_000_000_000
"""Blocks of so long before the load are undisturbed."""
FINAL_ROUNDS = 3
"""In so many rounds of all producers after the load all of it must be final."""
BLOCKS_PER_TURN = 2
SLOT_NS = 500_000_000
SIGNED, TIMES = 500, 9
"""So many digests at a time, so many times: the median knows of no slow start and no hiccup."""
CAMPAIGN = """
schema: slotlab.campaign/v1
title: transfers
seed: 1
chain: {{profile: eosio, producers: {nodes}, slot: 500ms, blocks_per_turn: 2, max_block_size: 4MiB}}
load: {{rate: {rate}/s, size: 256B}}
warmup: 60s
timeline: []
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a load.

    asked: transfers that were due. sent: those that a client had time for. refused: those that a
    node refused, by reason. slots, and missed of them: from its begin until FINAL_ROUNDS after its
    end. final: all that is in blocks is irreversible by then. finality_s is of the blocks of the
    load, calm_s of those just before it. rss_mb is the most that a node took, calm_rss_mb before.
    """

    asked: int
    sent: int
    in_blocks: int
    refused: Mapping[str, int]
    slots: int
    missed: int
    final: bool
    finality_s: Sequence[float]
    calm_s: Sequence[float]
    processor_s: float
    rss_mb: float
    calm_rss_mb: float


def measure(nodes: int, *, rate: int, load_ns: int) -> Outcome:
    """Return what became of a load of rate transfers a second; it needs no root.

    Raises:
        RunError: a process ends early or tells nothing.
    """
    with tempfile.TemporaryDirectory(prefix="slb-") as name:
        homes = prepare(Path(name), CAMPAIGN.format(nodes=nodes, rate=rate))
        start_ns = time.time_ns() + LEAD_NS
        end_ns = start_ns + load_ns
        until_ns = end_ns + FINAL_ROUNDS * nodes * BLOCKS_PER_TURN * SLOT_NS
        for home in homes:
            edit(home, client={"start_ns": start_ns, "end_ns": end_ns})
        with running(homes) as servers, running(homes, "client") as clients:
            until_told(homes, "node", "irreversible", servers)
            until_told(homes, "client", "started", clients)
            if time.time_ns() > start_ns:
                raise RunError("bench: this machine is too busy to start nodes and clients in time")
            _until(start_ns)
            before_s = sum(processor_s(each.pid) for each in [*servers, *clients])
            _until(until_ns)
            after_s = sum(processor_s(each.pid) for each in servers)
            after_s += sum(map(whole_life_s, clients))
        chain = chain_of(told(homes[0], "node", "slot_due", "applied", "irreversible"))
        seconds = [second for home in homes for second in told(home, "client", "load")]
        rss = [(e["wall_ns"], e["rss_bytes"]) for h in homes for e in told(h, "node", "process")]
        refused = Counter(
            event["reason"]
            for home in homes
            for event in told(home, "client", "txs")
            if event["state"] == "rejected"
            for _ in event["ids"]
        )
    due = [slot for slot, due_ns in chain.due_ns.items() if start_ns <= due_ns < until_ns]
    loaded = [slot for slot in due if chain.transfers.get(slot)]
    return Outcome(
        asked=sum(second["due"] for second in seconds),
        sent=sum(second["sent"] for second in seconds),
        in_blocks=sum(chain.transfers[slot] for slot in loaded),
        refused=refused,
        slots=len(due),
        missed=sum(slot not in chain.transfers for slot in due),
        final=all(chain.final_ns.get(slot, until_ns) < until_ns for slot in loaded),
        finality_s=chain.finality_s(start_ns, end_ns),
        calm_s=chain.finality_s(start_ns - CALM_NS, start_ns),
        processor_s=after_s - before_s,
        rss_mb=max((size for _, size in rss), default=0) / 1e6,
        calm_rss_mb=max((size for at_ns, size in rss if at_ns < start_ns), default=0) / 1e6,
    )  # fmt: skip


def floor_s(nodes: int) -> float:
    """Return the processor seconds in which a digest is signed and its key recovered by nodes."""
    return statistics.median(signed_s(SIGNED, nodes) / SIGNED for _ in range(TIMES))


def named(nodes: int) -> str:
    """Return how rows call so many nodes."""
    return "1 node" if nodes == 1 else f"{nodes} nodes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """By slot: when each was due, how many transfers its block holds, when that became final.

    A slot without a block on the branch of the last head is in due_ns only.
    """

    due_ns: Mapping[int, int]
    transfers: Mapping[int, int]
    final_ns: Mapping[int, int]

    def finality_s(self, start_ns: int, end_ns: int) -> list[float]:
        """Return how long after their time the blocks of such slots were final."""
        slots = [slot for slot in self.final_ns if start_ns <= self.due_ns.get(slot, 0) < end_ns]
        return [(self.final_ns[slot] - self.due_ns[slot]) / 1e9 for slot in slots]


def chain_of(events: Sequence[Mapping[str, Any]]) -> Chain:
    """Return what a node's events of slots and blocks say of its chain."""
    due_ns = {e["slot"]: e["due_ns"] for e in events if e["kind"] == "slot_due"}
    applied = {e["id"]: e for e in events if e["kind"] == "applied"}
    final = {e["id"]: e["wall_ns"] for e in events if e["kind"] == "irreversible"}
    transfers, final_ns = {}, {}
    block = next((e for e in reversed(events) if e["kind"] == "applied"), None)
    while block is not None:
        transfers[block["slot"]] = block["tx_count"]
        if block["id"] in final:
            final_ns[block["slot"]] = final[block["id"]]
        block = applied.get(block["previous"])
    return Chain(due_ns=due_ns, transfers=transfers, final_ns=final_ns)


def _until(wall_ns: int) -> None:
    time.sleep(max(0, wall_ns - time.time_ns()) / 1e9)
