"""What a final block did, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.sim.second.agree import Near
from tests.sim.second.record import Line

WIDE_S = 0.005
"""What the first analysis' bounds of clocks may leave open, see finality."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What a final block did: the line of it, when the first host had the block, the window."""

    line: Line
    id: str
    t: float
    slack: float
    window: str

    @property
    def shown(self) -> dict[str, Any]:
        """Return the block and its time as a summary shows them."""
        low, high, wide = self.t - self.slack, self.t + self.slack, WIDE_S
        return {
            "block": self.line["num"],
            "id": self.id,
            "t_s": Near(low - wide, high + wide),
            "error_s": [Near(low - wide, high), Near(low, high + wide)],
        }
