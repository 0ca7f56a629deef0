"""Io: write and fsync without a pause on the file system that the node keeps its blocks on.

One file of our own is written over and over: it takes as much room as one write, no more.
"""

from typing import Annotated

from msgspec import Meta

from faults.host.boottime import boottime_ns
from faults.host.settled import settled
from faults.kinds.busy.busy import Busy
from faults.model.fault import SECOND_NS, Command, Evidence, HostContext, Recipe, verdict

WRITE = (
    'while :; do head -c "$3" /dev/zero | dd of="$2" bs=64k iflag=fullblock conv=fsync,notrunc'
    ' status=none && printf . >> "$1" || sleep 1; done'
)
"""Writes $3 bytes over the file $2 and waits for the disk, again and again; counts that in $1."""
SIZE_MAX = 1 << 30


class Io(Busy, frozen=True, kw_only=True, tag="io"):
    """Write size_bytes and wait for the disk, again and again."""

    size_bytes: Annotated[int, Meta(gt=0, le=SIZE_MAX)]

    def recipe(self, context: HostContext) -> Recipe:
        """Return: start the shell that writes; end it and remove what it wrote."""
        file = str(context.chain_dir / f".slotlab-io-{context.token}")
        made = self.burden(context, WRITE, file, str(self.size_bytes))
        gone = (Command(("rm", "-f", file)), *made.remove)
        return Recipe(
            how=made.how, counters_go=True, inject=made.inject, release=made.release, remove=gone
        )

    def read_back(self, context: HostContext) -> Evidence:
        """Return whether something was written."""
        unit = self.unit(context)
        count, writing = settled(unit.count, bool, within_s=2.0)
        return verdict("" if writing else "nothing was written", {"writes": count})

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return how often it wrote, and for how long it did."""
        unit = self.unit(context)
        processes = unit.processes()
        since_ns = min((each.started_ns for each in processes), default=boottime_ns())
        lived_s = round((boottime_ns() - since_ns) / SECOND_NS, 3)
        return {"writes": unit.count(), "lived_s": lived_s}
