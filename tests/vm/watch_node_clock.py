"""Run inside a VM: the node's own clock, slot timer and NTP check, without a chain around them.

    python3 - BOOTTIME_NS NTP_SERVER

Runs until that moment and prints JSON: verdicts [boottime_ns, reason] as they change, and slots
[boottime_ns, due_ns].
"""

import asyncio
import json
import sys
import time

from node.config import ClockConfig
from node.timing.clock import NodeClock, limit_for_slot
from node.timing.ntp import ClockCheck
from node.timing.timer import SlotTimer

SLOT_NS = 500_000_000


async def main(until_ns: int, server: str) -> None:
    """Print what happened once BOOTTIME_NS is reached."""
    clock, loop = NodeClock(), asyncio.get_running_loop()
    config = ClockConfig(ntp=[server], poll_ns=2_000_000_000)
    check = ClockCheck(clock, config, limit_for_slot(SLOT_NS), lambda _event: None)
    verdicts: list[tuple[int, str]] = []
    slots: list[tuple[int, int]] = []

    def woken(_now_ns: int, _late_ns: int) -> None:
        check.wake()
        reason = check.abstain_reason() or ""
        if not verdicts or verdicts[-1][1] != reason:
            verdicts.append((time.clock_gettime_ns(time.CLOCK_BOOTTIME), reason))

    def due(due_ns: int, _wake_error_ns: int) -> None:
        slots.append((time.clock_gettime_ns(time.CLOCK_BOOTTIME), due_ns))
        timer.arm((clock.wall_ns() // SLOT_NS + 1) * SLOT_NS)

    timer = SlotTimer(loop, clock, due, woken)
    timer.arm((clock.wall_ns() // SLOT_NS + 1) * SLOT_NS)
    asking = asyncio.create_task(check.run())
    while (left_ns := until_ns - time.clock_gettime_ns(time.CLOCK_BOOTTIME)) > 0:
        await asyncio.sleep(left_ns / 1e9)
    asking.cancel()
    timer.close()
    print(json.dumps({"verdicts": verdicts, "slots": slots}))


asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
