"""Memory: hold so much of it, written, while the fault lasts.

A pipe into tail, which keeps all that comes before the first end of a line: no Python is needed.
What would leave the host less than a reserve is refused when it is armed.
"""

from pathlib import Path
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from faults.host.helper_process import END_MARGIN_NS
from faults.host.settled import settled
from faults.kinds.busy.busy import Busy
from faults.model.fault import SECOND_NS, Evidence, FaultError, HostContext, Recipe, verdict

HOLD = '{ head -c "$2" /dev/zero; sleep "$3"; } | tail > /dev/null'
"""Holds $2 bytes for $3 s."""
RESERVE_BYTES = 64 << 20
"""What agent, shell and SSH need to live and to undo it."""
FILLS_BYTES_A_S = 100_000_000
"""As a small machine does it at least."""
SLACK_SHARE = 0.05
TOTAL_PPM = 1_000_000


class Memory(Busy, frozen=True, kw_only=True, tag="memory"):
    """Hold amount_bytes; where that is 0, share_ppm of the host's memory."""

    amount_bytes: Annotated[int, Meta(ge=0, le=1 << 40)] = 0
    share_ppm: Annotated[int, Meta(ge=0, le=TOTAL_PPM)] = 0

    def settled(self, _context: HostContext) -> "Memory":
        """Return the fault with its amount reckoned.

        Raises:
            FaultError: no_memory; the host would be left less than the reserve.
        """
        known = memory()
        amount = self.amount_bytes or known["MemTotal"] * self.share_ppm // TOTAL_PPM
        free = known["MemAvailable"] - RESERVE_BYTES
        if amount > free:
            why = f"{self.id}: {amount >> 20} MiB would leave less than {RESERVE_BYTES >> 20} MiB"
            raise FaultError("no_memory", f"{why}; ask for {max(free, 0) >> 20} MiB at most")
        return replace(self, amount_bytes=amount)

    def recipe(self, context: HostContext) -> Recipe:
        """Return: fill the memory and hold it; let it go."""
        held_s = ((self.for_ns or 0) + END_MARGIN_NS) / SECOND_NS
        return self.burden(context, HOLD, str(self.amount_bytes), f"{held_s:g}")

    def read_back(self, context: HostContext) -> Evidence:
        """Return whether the amount is held, once it had the time to be filled."""
        least = round(self.amount_bytes * (1 - SLACK_SHARE))
        within_s = 1.0 + self.amount_bytes / FILLS_BYTES_A_S
        held, whole = settled(lambda: self._held(context), lambda n: n >= least, within_s)
        wrong = "" if whole else f"{held} of {self.amount_bytes} bytes are held"
        return verdict(wrong, {"held_bytes": held, "available_bytes": memory()["MemAvailable"]})

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return how much is held, swapped out or not."""
        return {"held_bytes": self._held(context)}

    def _held(self, context: HostContext) -> int:
        return sum(each.memory_bytes for each in self.unit(context).processes())


def memory() -> dict[str, int]:
    """Return MemTotal and MemAvailable of this host, in bytes."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    found = (line.split() for line in lines)
    return {words[0].rstrip(":"): int(words[1]) << 10 for words in found if words[0].endswith(":")}
