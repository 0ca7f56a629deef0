"""The holder: keeps queued packets in a heap until the time of each has come, or drops them.

A process of its own, started by the agent, for kernels without netem. It fails open: when it ends,
however it ends, the kernel's bypass lets packets pass at once; on SIGTERM or at its deadline it
first lets go of what it holds. Its counters go to a file five times a second and are the fault's
evidence.
"""

import errno
import gc
import heapq
import ipaddress
import os
import random
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from faults.host.priority import set_realtime
from faults.kinds.shaping.nfqueue import QueueError, drop, open_queue, packets, verdict
from faults.kinds.shaping.ordered_jitter import OrderedJitter
from faults.kinds.shaping.shape import ALL_PPM, LIMIT_PACKETS, Treated
from faults.model.bursts import LossBursts
from faults.model.fault import SECOND_NS
from faults.model.steps import value_at

STATS_EVERY_NS = 200_000_000
BATCH, WHOLE_BATCH = 256, 16
"""Messages a send, which the kernel takes at most 200 KiB of: so many of whole packets."""
RECEIVE_BYTES_MAX = 128 * 1024
IPV6_HEADER_BYTES = 40
WANDER_STEP_NS_MIN = 10_000_000
JITTERS_A_STEP = 3
"""A bounded jitter then falls at most 0.93 times as fast as time goes by; others have farther to
go.
"""
REALTIME_PRIORITY = 10
"""Where the kernel allows it (not inside every container): a delay must not grow with the load."""


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one holder does, and from and until when (CLOCK_BOOTTIME)."""

    queue_num: int
    seed: int
    until_boottime_ns: int
    stats_file: str
    pid_file: str
    sources: list[Treated]
    trace: tuple[tuple[int, int], ...] = ()
    """Since when (from its begin) packets are held for how long, where that is not one time."""
    begin_boottime_ns: int = 0


class Stats(msgspec.Struct):
    """What the holder did; late_max_ns is how long after its due time a packet left at worst."""

    seen: int = 0
    delayed: int = 0
    unknown: int = 0
    lost: int = 0
    bursts: int = 0
    corrupted: int = 0
    reordered: int = 0
    overflown: int = 0
    """Dropped because as many waited as may."""
    bits_max: int = 0
    """The most that came of one sender, of those whose rate is limited."""
    lost_reports: int = 0
    held_max: int = 0
    late_max_ns: int = 0
    late_sum_ns: int = 0
    ended: str = ""


@dataclass(slots=True)
class Way:
    """Mutable: what the packets of one sender have met so far."""

    treated: Treated
    jitter: OrderedJitter
    bursts: LossBursts
    rng: random.Random
    last_ns: int = 0
    free_ns: int = 0
    bits: int = 0
    in_burst: bool = False


@dataclass(slots=True)
class Holder:
    """The heap of held packets; pure: times come in as arguments."""

    spec: Spec
    start_ns: int = 0
    begin_ns: int = 0
    stats: Stats = field(default_factory=Stats)
    held: list[tuple[int, int]] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    """Those to be dropped at once."""
    changed: dict[int, bytes] = field(default_factory=dict)
    """What held packets are to be changed to."""
    _ways: dict[bytes, Way] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in self.spec.sources:
            jitters = JITTERS_A_STEP if each.distribution == "uniform" else 2 * JITTERS_A_STEP
            step_ns = max(jitters * each.jitter_ns, WANDER_STEP_NS_MIN)
            seed = f"{self.spec.seed}/{each.address}"
            self._ways[ipaddress.ip_address(each.address).packed] = Way(
                each,
                OrderedJitter(each.jitter_ns, step_ns, seed, each.distribution),
                LossBursts(each.loss_ppm / ALL_PPM, each.burst),
                random.Random(seed),
            )

    def take(self, packet_id: int, payload: bytes, now_ns: int) -> None:
        """Hold the packet until its time, or drop it. An unknown sender's passes at once."""
        self.stats.seen += 1
        key = payload[12:16] if payload and payload[0] >> 4 == 4 else payload[8:24]
        way = self._ways.get(key)
        due_ns: int | None = now_ns
        if way is None:
            self.stats.unknown += 1
        else:
            due_ns = self._due_ns(way, payload, now_ns)
        if due_ns is None:
            self.dropped.append(packet_id)
            return
        if way is not None and drawn(way.rng, way.treated.corrupt_ppm):
            self.stats.corrupted += 1
            self.changed[packet_id] = corrupted(payload, way.rng)
        heapq.heappush(self.held, (due_ns, packet_id))
        self.stats.held_max = max(self.stats.held_max, len(self.held))

    def _due_ns(self, way: Way, payload: bytes, now_ns: int) -> int | None:
        """Return the time at which a packet is let go, None if it is lost."""
        asked, stats = way.treated, self.stats
        was_in_burst, way.in_burst = way.in_burst, False
        if asked.loss_ppm and way.bursts.lost(way.rng.random):
            stats.lost += 1
            stats.bursts += not was_in_burst
            way.in_burst = True
            return None
        due_ns = now_ns
        if asked.bit_rate:
            if len(self.held) >= LIMIT_PACKETS:
                stats.overflown += 1
                return None
            bits = 8 * length(payload)
            way.bits += bits
            stats.bits_max = max(stats.bits_max, way.bits)
            due_ns = max(now_ns, way.free_ns) + bits * SECOND_NS // asked.bit_rate
            way.free_ns = due_ns
        stats.delayed += 1
        trace = self.spec.trace
        due_ns += value_at(trace, now_ns - self.begin_ns) if trace else asked.delay_ns
        if asked.jitter_ns:
            due_ns = max(now_ns, due_ns + way.jitter.at(now_ns - self.start_ns))
        if drawn(way.rng, asked.reorder_ppm):
            stats.reordered += 1
            return due_ns + asked.by_ns
        way.last_ns = max(due_ns, way.last_ns)
        return way.last_ns

    def due(self, now_ns: int, limit: int = BATCH) -> list[int]:
        """Return the ids of packets whose time has come, in order of their times, at most limit."""
        ids: list[int] = []
        while self.held and self.held[0][0] <= now_ns and len(ids) < limit:
            due_ns, packet_id = heapq.heappop(self.held)
            late_ns = now_ns - due_ns
            self.stats.late_sum_ns += late_ns
            self.stats.late_max_ns = max(self.stats.late_max_ns, late_ns)
            ids.append(packet_id)
        return ids

    def rest(self) -> list[int]:
        """Return the ids of all packets still held, in order of their times."""
        ids = [packet_id for _, packet_id in sorted(self.held)]
        self.held.clear()
        return ids


def drawn(rng: random.Random, share_ppm: int) -> bool:
    """Return whether a packet is one of that share; nothing is drawn for none."""
    return share_ppm > 0 and rng.random() * ALL_PPM < share_ppm


def length(payload: bytes) -> int:
    """Return how long the packet says it is, whose first bytes are given."""
    if len(payload) < IPV6_HEADER_BYTES:
        return len(payload)
    if payload[0] >> 4 == 4:
        return int.from_bytes(payload[2:4], "big")
    return IPV6_HEADER_BYTES + int.from_bytes(payload[4:6], "big")


def corrupted(payload: bytes, rng: random.Random) -> bytes:
    """Return a packet with one bit wrong behind its IP header, where a checksum finds it."""
    header = 4 * (payload[0] & 15) if payload and payload[0] >> 4 == 4 else IPV6_HEADER_BYTES
    if header >= len(payload):
        return payload
    data, place = bytearray(payload), rng.randrange(header, len(payload))
    data[place] ^= 1 << rng.randrange(8)
    return bytes(data)


def run(spec: Spec) -> None:
    """Delay packets until the deadline or SIGTERM, then let go of all that is held.

    Raises:
        QueueError: the kernel refused the queue.
    """
    now_ns = time.monotonic_ns()
    ahead_ns = spec.begin_boottime_ns - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    holder = Holder(spec, now_ns, now_ns + ahead_ns)
    stopping: list[str] = []
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGTERM, lambda *_: stopping.append("stopped"))
    whole = any(each.corrupt_ppm for each in spec.sources)
    link = open_queue(spec.queue_num, whole=whole)
    link.setblocking(False)
    Path(spec.pid_file).write_text(f"{os.getpid()}\n")
    _write_stats(spec, holder.stats)
    set_realtime(os.SCHED_FIFO, REALTIME_PRIORITY)
    gc.freeze()
    gc.disable()
    left_ns = spec.until_boottime_ns - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    end_ns = time.monotonic_ns() + left_ns
    try:
        _hold((link, woken), holder, end_ns, stopping)
    finally:
        _let_go(link, holder, holder.rest())
        link.close()
        holder.stats.ended = stopping[0] if stopping else "deadline"
        _write_stats(spec, holder.stats)
        Path(spec.pid_file).unlink(missing_ok=True)


def _hold(
    links: tuple[socket.socket, socket.socket], holder: Holder, end_ns: int, stopping: list[str]
) -> None:
    """Move packets from the queue to the heap and out again until the end, or until stopped."""
    link, woken = links
    stats_ns = time.monotonic_ns() + STATS_EVERY_NS
    while not stopping:
        now_ns = time.monotonic_ns()
        if now_ns >= end_ns:
            return
        if now_ns >= stats_ns:
            _write_stats(holder.spec, holder.stats)
            stats_ns = now_ns + STATS_EVERY_NS
        wake_ns = min(end_ns, stats_ns, holder.held[0][0] if holder.held else end_ns)
        readable, _, _ = select.select([link, woken], [], [], max(0, wake_ns - now_ns) / 1e9)
        if link in readable:
            _drain(link, holder)
        _let_go(link, holder, holder.due(time.monotonic_ns()))


def _drain(link: socket.socket, holder: Holder) -> None:
    """Read what waits, at most BATCH datagrams, so that due packets are not kept waiting."""
    for _ in range(BATCH):
        try:
            data = link.recv(RECEIVE_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            holder.stats.lost_reports += 1
            return
        now_ns = time.monotonic_ns()
        for packet_id, payload in packets(data):
            holder.take(packet_id, payload, now_ns)


def _let_go(link: socket.socket, holder: Holder, ids: list[int]) -> None:
    """Let packets pass, changed where they are to be, and drop what is lost."""
    queue_num, dropped = holder.spec.queue_num, holder.dropped
    said = [verdict(queue_num, each, holder.changed.pop(each, b"")) for each in ids]
    said += [drop(queue_num, each) for each in dropped]
    dropped.clear()
    batch = BATCH if not any(each.corrupt_ppm for each in holder.spec.sources) else WHOLE_BATCH
    for start in range(0, len(said), batch):
        data = b"".join(said[start : start + batch])
        try:
            link.send(data)
        except BlockingIOError:
            select.select([], [link], [], 1.0)
            link.send(data)


def _write_stats(spec: Spec, stats: Stats) -> None:
    target = Path(spec.stats_file)
    fresh = target.with_suffix(".tmp")
    fresh.write_bytes(msgspec.json.encode(stats))
    fresh.replace(target)


def main(text: str) -> int:
    """Return the exit status of a holder with the JSON spec in text."""
    try:
        run(msgspec.json.decode(text, type=Spec))
    except (QueueError, msgspec.DecodeError, OSError) as error:
        print(f"packet queue: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
