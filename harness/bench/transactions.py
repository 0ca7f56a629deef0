"""What a signed transfer costs nodes and clients on this machine, beside its signatures alone.

Real processes on loopback. What is told is the seconds of a processor they take, not how long that
takes: other work on the machine stretches a run, and changes the figure little.
"""

from harness.bench.rig.load import floor_s, measure, named
from harness.bench.row import Row
from harness.errors import RunError

RATE = 600
LOAD_NS = 10_000_000_000


def rows() -> list[Row]:
    """Return what a transfer costs with four nodes and with one, each with its clients."""
    found = []
    for nodes in (4, 1):
        cost = measure(nodes, rate=RATE, load_ns=LOAD_NS)
        if not cost.in_blocks:
            raise RunError("bench: no transfer came into a block")
        found += [
            Row(
                bench="transactions", what=f"a transfer, {named(nodes)} and their clients",
                unit="ms of a processor", value=cost.processor_s * 1000 / cost.in_blocks,
                n=cost.in_blocks, floor=floor_s(nodes) * 1000,
                floor_is="signed once, recovered by each node",
            ),
            Row(
                bench="transactions", what=f"{named(nodes)} at {RATE}/s, slots missed",
                value=float(cost.missed), n=cost.slots,
            ),
        ]  # fmt: skip
    return found
