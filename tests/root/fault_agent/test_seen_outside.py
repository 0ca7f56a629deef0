"""What the agent records of a fault is what the wire shows, though the processors are busy.

Datagrams that carry the moment they were sent cross the cable all the time. One that was sent and
had arrived while a record says that all is dropped contradicts it, as does one that was lost and
was sent outside every fault. How late the agent is on a busy machine is no matter of this test:
`slotlab bench` prints it.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from faults.host.boottime import boottime_ns
from faults.host.nft_readback import ENDS_EARLY_NS

pytestmark = [pytest.mark.root, pytest.mark.slow]

S = 1_000_000_000
MS = 1_000_000
PORT = 9000
COUNT = 40
FIRST_NS = 9 * S
LENGTH_NS = 100 * MS
PERIOD_NS = 250 * MS
STAMP = struct.Struct("!q")
SO_RCVBUFFORCE = 33

Wire = Callable[..., dict[str, object]]


class Stream:
    """Datagrams from `there` to the node's port `here`, one a millisecond, and when each arrived.

    The moments of sending are early rather than late, those of arrival late rather than early.
    """

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source, self.sink = source, sink
        self.sent: list[int] = []
        self.arrived: dict[int, int] = {}
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=each) for each in (self._send, self._receive)]
        for thread in self.threads:
            thread.start()

    def _send(self) -> None:
        while not self.stopping.wait(0.001):
            now_ns = boottime_ns()
            with suppress(OSError):
                self.source.send(STAMP.pack(now_ns))
                self.sent.append(now_ns)

    def _receive(self) -> None:
        self.sink.settimeout(0.5)
        while True:
            try:
                (sent_ns,) = STAMP.unpack(self.sink.recv(100))
            except TimeoutError:
                if self.stopping.is_set():
                    return
            else:
                self.arrived[sent_ns] = boottime_ns()

    def end(self) -> None:
        """Stop sending, and take what is still under way."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()


@contextmanager
def busy_processors() -> Iterator[None]:
    spin = (sys.executable, "-c", "while True: pass")
    spinners = [subprocess.Popen(spin) for _ in range(os.cpu_count() or 2)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


@pytest.fixture
def stream(bench) -> Iterator[Stream]:
    source, sink = bench.socket_in(bench.there), bench.socket_in(bench.here)
    with source, sink:
        sink.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        sink.bind(("10.9.0.1", PORT))
        source.connect(("10.9.0.1", PORT))
        made = Stream(source, sink)
        try:
            yield made
        finally:
            made.end()


def test_the_wire_shows_what_the_agent_recorded_of_each_fault(
    bench, stream: Stream, partition: Wire
) -> None:
    bench.start_agent()
    faults = [
        partition(id=f"p-{n}", at_ns=FIRST_NS + n * PERIOD_NS, for_ns=LENGTH_NS)
        for n in range(COUNT)
    ]
    with busy_processors():
        armed = bench.arm(*faults, lease_ns=60 * S)
        ends_ns = armed["t0_boottime_ns"] + FIRST_NS + COUNT * PERIOD_NS
        while boottime_ns() < ends_ns:
            bench.try_ask("renew", trial="t", lease_ns=60 * S)
            time.sleep(0.5)
    bench.ask("heal")
    stream.end()
    stretches = [_stretch(bench.records(f"p-{n}"), faults[n]) for n in range(COUNT)]
    in_force = [each for each in stretches if each]
    assert in_force, "not one was carried out"
    t0_ns = armed["t0_boottime_ns"]
    moments = [(sent - t0_ns, stream.arrived.get(sent, 0) - t0_ns) for sent in stream.sent]
    for begun, applied, over, ended in in_force:
        passed = [s for s, a in moments if s >= applied and s <= a <= over - ENDS_EARLY_NS]
        assert passed == [], f"passed while {begun}..{ended} was in force"
    lost = [sent for sent, arrival in moments if arrival < sent]
    outside = [s for s in lost if not any(b - S <= s <= e for b, _, _, e in in_force)]
    assert outside == [], "lost while no fault was in force"


def _stretch(
    records: list[dict[str, Any]], fault: dict[str, Any]
) -> tuple[int, int, int, int] | None:
    """Return the ns since T0 at which a fault began, was in force, ended at the soonest, was over.

    None if it was left out; records that contradict themselves fail.
    """
    states = [each["state"] for each in records]
    if states == ["armed", "skipped"]:
        assert records[-1]["reason"] == "too_late"
        return None
    assert states in (
        ["armed", "applied", "installed", "healed"],
        ["armed", "applied", "indeterminate", "healed"],
    ), f"{fault['id']}: {states}: {records[-1]['reason']}"
    begun, ended = records[1]["between_ns"], records[-1]["between_ns"]
    over_ns = fault["at_ns"] + LENGTH_NS
    assert records[1]["read_back"]["late_ns"] == begun[0] - fault["at_ns"] >= 0
    assert ended[0] >= over_ns, "never early"
    return begun[0], begun[1], over_ns, ended[1]
