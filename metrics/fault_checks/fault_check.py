"""How faults of some kinds are measured, and what the report says of that; one value a check."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from metrics.fault_checks.probe_bursts import Burst
from metrics.intake.trial import TrialData
from metrics.model.method import Method
from metrics.model.plan import PlannedFault

Found = tuple[dict[str, Any], str]
"""What was measured, and what is plainly wrong with it (nothing: empty)."""
AS_ASKED = "as asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCheck:
    """The check of the named kinds of faults.

    words: what was measured, as the report says it. The others describe how, as a Method does.
    """

    kinds: tuple[str, ...]
    measure: Callable[[TrialData, PlannedFault, list[Burst]], Found]
    words: Callable[[dict[str, Any]], list[str]]
    name: str
    formula: str
    left_out: str
    assumes: str
    source: str = ""

    @property
    def method(self) -> Method:
        """Return how these kinds are measured."""
        return Method(
            name=self.name, figures=tuple(f"faults.{word}" for word in self.kinds),
            formula=self.formula, left_out=self.left_out, assumes=self.assumes,
            source=self.source,
        )  # fmt: skip
