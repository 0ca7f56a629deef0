"""Run inside a VM, as root: watches wall time against CLOCK_MONOTONIC_RAW and prints what it saw.

    python3 - SECONDS [stop-agent]

One JSON list of [boottime_ns, raw_ns, wall_minus_raw_ns]: every second, and whenever the difference
has moved by half a millisecond. With stop-agent, the fault agent is stopped (SIGSTOP) at the first
move of more than 100 ms.
"""

import json
import subprocess
import sys
import time

EVERY_S = 0.005
MOVED_NS = 500_000
JUMP_NS = 100_000_000


def sample() -> tuple[int, int, int]:
    """Return boot time, raw time and the difference, of the tightest of five reads."""
    reads = []
    for _ in range(5):
        first = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        wall_ns = time.time_ns()
        last = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        reads.append((last - first, (first + last) // 2, wall_ns))
    _, raw_ns, wall_ns = min(reads)
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME), raw_ns, wall_ns - raw_ns


def main() -> None:
    """Print the samples once SECONDS have passed."""
    until = time.monotonic() + float(sys.argv[1])
    stop_agent = sys.argv[2:] == ["stop-agent"]
    kept = [sample()]
    told = time.monotonic()
    while time.monotonic() < until:
        now = sample()
        moved_ns = abs(now[2] - kept[-1][2])
        if moved_ns > MOVED_NS or time.monotonic() - told >= 1:
            kept.append(now)
            told = time.monotonic()
        if stop_agent and moved_ns > JUMP_NS:
            stop = ("systemctl", "kill", "--signal=SIGSTOP", "slotlab-agent.service")
            subprocess.run(stop, check=True)
            stop_agent = False
        time.sleep(EVERY_S)
    print(json.dumps(kept))


main()
