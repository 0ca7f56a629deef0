"""Run inside a VM, as root: watches wall time against CLOCK_MONOTONIC_RAW and prints what it saw.

    python3 - BOOTTIME_NS [stop-agent]

It watches until that moment and prints one JSON list of
[boottime_ns, raw_ns, wall_minus_raw_ns, error_ns]: every second, and, whenever the difference has
moved by half a millisecond, the last sample before and the first after. With stop-agent, the fault
agent is stopped (SIGSTOP) at the first move of more than 100 ms.
"""

import json
import subprocess
import sys
import time

EVERY_S = 0.005
MOVED_NS = 500_000
JUMP_NS = 100_000_000


def sample() -> tuple[int, int, int, int]:
    """Return boot time, raw time, the difference and its error, of the tightest of five reads."""
    reads = []
    for _ in range(5):
        first = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        boottime_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        wall_ns = time.time_ns()
        last = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        reads.append((last - first, (first + last) // 2, wall_ns, boottime_ns))
    took_ns, raw_ns, wall_ns, boottime_ns = min(reads)
    return boottime_ns, raw_ns, wall_ns - raw_ns, -(-took_ns // 2)


def main() -> None:
    """Print the samples once BOOTTIME_NS is reached."""
    until_ns = int(sys.argv[1])
    stop_agent = sys.argv[2:] == ["stop-agent"]
    last = sample()
    kept = [last]
    told = time.monotonic()
    while last[0] < until_ns:
        now = sample()
        moved_ns = abs(now[2] - kept[-1][2])
        if moved_ns > MOVED_NS and last is not kept[-1]:
            kept.append(last)
        if moved_ns > MOVED_NS or time.monotonic() - told >= 1:
            kept.append(now)
            told = time.monotonic()
        last = now
        if stop_agent and moved_ns > JUMP_NS:
            stop = ("systemctl", "kill", "--signal=SIGSTOP", "slotlab-agent.service")
            subprocess.run(stop, check=True)
            stop_agent = False
        time.sleep(EVERY_S)
    print(json.dumps(kept))


main()
