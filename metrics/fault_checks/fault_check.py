"""How faults of some kinds are measured, and what the report says of that; one value a check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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

    words: what was measured, as the report says it. method: what it is; its figures are the kinds.
    """

    kinds: tuple[str, ...]
    measure: Callable[[TrialData, PlannedFault, list[Burst]], Found]
    words: Callable[[dict[str, Any]], list[str]]
    method: Method

    @property
    def described(self) -> Method:
        """Return the method with the figures it explains."""
        return replace(self.method, figures=tuple(f"faults.{word}" for word in self.kinds))
