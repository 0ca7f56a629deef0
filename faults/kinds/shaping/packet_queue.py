"""The holder: keeps queued packets in a heap and lets each pass when its time has come.

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
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from faults.host.priority import set_realtime
from faults.kinds.shaping.nfqueue import QueueError, open_queue, packets, verdict
from faults.kinds.shaping.ordered_jitter import OrderedJitter
from faults.kinds.shaping.shape import Treated

STATS_EVERY_NS = 200_000_000
BATCH = 256
WANDER_STEP_NS_MIN = 10_000_000
REALTIME_PRIORITY = 10
"""Where the kernel allows it (not inside every container): a delay must not grow with the load."""


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one holder does, and until when (CLOCK_BOOTTIME)."""

    queue_num: int
    seed: int
    until_boottime_ns: int
    stats_file: str
    pid_file: str
    sources: list[Treated]


class Stats(msgspec.Struct):
    """What the holder did; late_max_ns is how long after its due time a packet left at worst."""

    seen: int = 0
    delayed: int = 0
    unknown: int = 0
    lost_reports: int = 0
    held_max: int = 0
    late_max_ns: int = 0
    late_sum_ns: int = 0
    ended: str = ""


@dataclass(slots=True)
class Holder:
    """The heap of held packets; pure: times come in as arguments."""

    spec: Spec
    start_ns: int = 0
    stats: Stats = field(default_factory=Stats)
    held: list[tuple[int, int]] = field(default_factory=list)
    _sources: dict[bytes, Treated] = field(default_factory=dict)
    _wander: dict[bytes, OrderedJitter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for source in self.spec.sources:
            key = ipaddress.ip_address(source.address).packed
            self._sources[key] = source
            step_ns = max(4 * source.jitter_ns, WANDER_STEP_NS_MIN)
            seed = f"{self.spec.seed}/{source.address}"
            self._wander[key] = OrderedJitter(source.jitter_ns, step_ns, seed)

    def take(self, packet_id: int, payload: bytes, now_ns: int) -> None:
        """Hold the packet until its time. An unknown sender's passes at once."""
        self.stats.seen += 1
        key = payload[12:16] if payload and payload[0] >> 4 == 4 else payload[8:24]
        source = self._sources.get(key)
        due_ns = now_ns
        if source is None:
            self.stats.unknown += 1
        else:
            self.stats.delayed += 1
            due_ns += source.delay_ns
            if source.jitter_ns:
                due_ns += self._wander[key].at(now_ns - self.start_ns)
        heapq.heappush(self.held, (due_ns, packet_id))
        self.stats.held_max = max(self.stats.held_max, len(self.held))

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


def run(spec: Spec) -> None:
    """Delay packets until the deadline or SIGTERM, then let go of all that is held.

    Raises:
        QueueError: the kernel refused the queue.
    """
    holder = Holder(spec, time.monotonic_ns())
    stopping: list[str] = []
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGTERM, lambda *_: stopping.append("stopped"))
    link = open_queue(spec.queue_num)
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
        _pass(link, spec.queue_num, holder.rest())
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
        _pass(link, holder.spec.queue_num, holder.due(time.monotonic_ns()))


def _drain(link: socket.socket, holder: Holder) -> None:
    """Read what waits, at most BATCH datagrams, so that due packets are not kept waiting."""
    for _ in range(BATCH):
        try:
            data = link.recv(65_536)
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


def _pass(link: socket.socket, queue_num: int, ids: list[int]) -> None:
    for start in range(0, len(ids), BATCH):
        data = b"".join(verdict(queue_num, each) for each in ids[start : start + BATCH])
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
