"""The jitter of a netem delay: a process that moves netem's delay along a wandering line, or along
the steps of a trace.

netem draws each packet's jitter alone and so swaps packets; told not to, it makes dense traffic
wait for its slowest packet, and the delay grows. Moving all packets' delay slowly does neither.
It begins with the fault, which makes a file for it to see, and ends at its deadline; killed, it
leaves the delay where it was.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from faults.host.boottime import boottime_ns
from faults.kinds.shaping.netem import moved_line
from faults.kinds.shaping.ordered_jitter import OrderedJitter
from faults.model.fault import SECOND_NS
from faults.model.steps import value_at

MOVES_A_STEP = 8
STEP_NS_MIN = 160_000_000
"""A new delay at most every 20 ms, as each costs a call of the kernel."""


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One netem of ours: where it stands, and how long it holds packets."""

    where: str
    delay_ns: int
    jitter_ns: int
    distribution: str = "uniform"


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The netems to steer, once begun_file is there, and from and until when (CLOCK_BOOTTIME)."""

    interface: str
    bands: list[Band]
    seed: int
    until_boottime_ns: int
    pid_file: str
    begun_file: str
    trace: tuple[tuple[int, int], ...] = ()
    """Since when (from its begin) packets are held for how long, where that is not one time."""
    begin_boottime_ns: int = 0


def run(spec: Spec) -> None:
    """Move the delay about until the deadline, SIGTERM, or the end of tc."""
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    step_ns = max(STEP_NS_MIN, MOVES_A_STEP * max(band.jitter_ns for band in spec.bands))
    lines = [
        (
            band,
            OrderedJitter(band.jitter_ns, step_ns, f"{spec.seed}/{band.where}", band.distribution),
        )
        for band in spec.bands
    ]
    with subprocess.Popen(
        ("tc", "-force", "-batch", "-"), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as tc:
        assert tc.stdin is not None
        Path(spec.pid_file).write_text(f"{os.getpid()}\n")
        start_ns = time.monotonic_ns()
        with contextlib.suppress(BrokenPipeError):
            while not stopping and boottime_ns() < spec.until_boottime_ns and tc.poll() is None:
                now_ns = time.monotonic_ns() - start_ns
                if Path(spec.begun_file).exists():
                    for band, wander in lines:
                        delay_ns = max(0, band.delay_ns + wander.at(now_ns))
                        if spec.trace:
                            delay_ns = value_at(spec.trace, boottime_ns() - spec.begin_boottime_ns)
                        tc.stdin.write(moved_line(spec.interface, band.where, delay_ns) + "\n")
                    tc.stdin.flush()
                time.sleep(step_ns / MOVES_A_STEP / SECOND_NS)
        tc.kill()
    Path(spec.pid_file).unlink(missing_ok=True)


def _wander(spec: Spec, band: Band, step_ns: int) -> OrderedJitter:
    seed = f"{spec.seed}/{band.where}"
    return OrderedJitter(band.jitter_ns, step_ns, seed, band.distribution)


def main(text: str) -> int:
    """Return the exit status of steering by the JSON spec in text."""
    try:
        run(msgspec.json.decode(text, type=Spec))
    except (msgspec.DecodeError, OSError) as error:
        print(f"netem jitter: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
