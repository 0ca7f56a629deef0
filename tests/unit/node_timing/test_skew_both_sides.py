"""The skew file as both rooms understand it: faults writes, node reads, nothing else is shared."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

from faults.host.clock.skew_file import read_skew, write_skew
from node.timing.clock import NodeClock
from node.timing.skew_file import NO_SKEW, Skew, SkewFile


def test_what_the_fault_writes_is_what_the_node_reads(tmp_path: Path) -> None:
    path = tmp_path / "skew"
    reader, clock = SkewFile(path), NodeClock(str(path))
    assert reader.read(0) == NO_SKEW
    before_ns = clock.mono_ns()
    write_skew(path, 300_000_000, 50_000)
    written, seen = read_skew(path), reader.read(10**9)
    assert written.seq % 2 == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert seen == Skew(
        offset_ns=300_000_000, drift_ppb=50_000, since_mono_ns=written.since_mono_ns
    )
    assert before_ns <= seen.since_mono_ns <= clock.mono_ns()
    assert NodeClock(str(path)).skew_ns() >= 300_000_000
    write_skew(path, 0, 0)
    assert reader.read(2 * 10**9) == NO_SKEW


def test_no_reader_ever_sees_half_a_skew(tmp_path: Path) -> None:
    path = tmp_path / "skew"
    write_skew(path, 1, 1)
    reader, done = SkewFile(path), threading.Event()

    def write() -> None:
        for number in range(2, 3000):
            write_skew(path, number, number)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    reads = 0
    while not done.is_set():
        skew = reader.read(reads * 10**8)
        assert skew.offset_ns == skew.drift_ppb
        reads += 1
    writer.join()
    assert reader.read(0).offset_ns == 2999
