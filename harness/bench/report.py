"""What a report takes of a run of 21 hosts, beside unpacking and decoding the same lines alone.

The run is a simulated one of MINUTES: what it costs grows with its events. `slotlab report` on a
run of hours tells what it takes there.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.bench.row import Row
from harness.bench.simulator import CAMPAIGN
from harness.errors import RunError
from metrics.intake import event_lines
from metrics.intake.event_rows import DECODER

MINUTES = 10
RATE = 1


def rows() -> list[Row]:
    """Return the seconds of a processor a million events, and the most memory that it took."""
    with tempfile.TemporaryDirectory(prefix="slotlab-") as name:
        folder = Path(name)
        campaign = folder / "bench.yml"
        campaign.write_text(CAMPAIGN.format(producers=21, rate=RATE, minutes=MINUTES))
        _slotlab("run", str(campaign), "--lab", "sim", "--runs", str(folder))
        run = (folder / "bench" / "latest").resolve()
        took_s, most_mb = _slotlab("report", str(run))
        begun_s = time.process_time()
        events = _decoded(run)
        floor_s = time.process_time() - begun_s
    millions = events / 1e6
    what = f"21 hosts, {events:,} events"
    return [
        Row(
            bench="report", what=what, unit="s of a processor a million events", n=events,
            value=took_s / millions, floor=floor_s / millions,
            floor_is="each line unpacked and decoded once",
        ),
        Row(bench="report", what=f"{what}, memory at most", unit="MB", n=1, value=most_mb),
    ]  # fmt: skip


def _slotlab(*words: str) -> tuple[float, float]:
    """Run a command of slotlab; return its seconds of a processor and the most MB it had.

    Raises:
        RunError: it failed.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "harness", *words], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RunError(f"slotlab {words[0]} of the bench's run failed: exit {child.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


def _decoded(run: Path) -> int:
    """Return how many events a run has, after decoding each."""
    files = (f for host in run.glob("trials/*/hosts/*") for f in event_lines.files_of(host))
    return sum(
        len(DECODER.decode_lines(piece)) for file in files for piece in event_lines.pieces(file)
    )
