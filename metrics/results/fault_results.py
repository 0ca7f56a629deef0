"""Each fault asked beside what was measured while it lasted, from probes and events alone.

State is decided by the agents' journals (read back on the host) and may only get worse by
measurement: an effect that is plainly not there makes the fault indeterminate.
"""

from dataclasses import dataclass
from typing import Any

from faults.model.kind import KINDS
from metrics.fault_checks import fault_records, probe_bursts, zones
from metrics.fault_checks.fault_check import AS_ASKED, Found
from metrics.fault_checks.registry import CHECK_OF, CHECKS
from metrics.intake.trial import TrialData
from metrics.model.method import Method
from metrics.model.plan import ABSENT, PlannedFault
from metrics.model.standing import standing


@dataclass(frozen=True, slots=True)
class FaultResult:
    """A fault of one trial, as summary.json holds it: what was asked, what was measured, and what
    became of it.
    """

    id: str
    fault: str
    trial: int
    asked: dict[str, Any]
    measured: dict[str, Any]
    state: str
    how: str
    reason: str
    targets: list[str]
    groups: list[list[str]] | None
    pairs: list[tuple[str, str]] | None
    start_s: float
    end_s: float
    ended_early: bool


def measure(data: TrialData) -> list[FaultResult]:
    """Return the planned faults of the trial with their evidence, in the plan's order."""
    faults = data.planned.faults
    found = data.once(probe_bursts.bursts) if faults else []
    checks = (CHECK_OF.get(fault.fault) for fault in faults)
    return [
        _result(data, fault, check.measure(data, fault, found) if check else ({}, ""))
        for fault, check in zip(faults, checks, strict=True)
    ]


def absent(data: TrialData) -> list[FaultResult]:
    """Return the faults that are of no strength in the trial's cell: nothing was done."""
    why = "of no strength in this cell: nothing was done"
    return [
        _of(data, fault, measured={}, state=ABSENT, how="", reason=why, early=False)
        for fault in data.planned.absent
    ]


def measure_zones(data: TrialData) -> list[FaultResult]:
    """Return what held the trial's zones apart, with its evidence; nothing where nothing did."""
    apart = data.plan.cell_of(data.planned).zones
    if apart is None:
        return []
    fault = standing(apart, end_ns=data.plan.end_ns)
    found = data.once(probe_bursts.bursts)
    return [_result(data, fault, zones.measure(data, apart, fault, found))]


def _result(data: TrialData, fault: PlannedFault, found: Found) -> FaultResult:
    state, reason, how = fault_records.reported(data, fault)
    measured, wrong = found
    early, timing = fault_records.timing(data, fault)
    wrong = wrong or fault_records.late_begin(timing) or fault_records.late_end(data, fault)
    wrong = wrong or fault_records.unended(data, fault)
    if wrong and state == "installed":
        state, reason = "indeterminate", wrong
    if state != "installed" and str(measured.get("judged", "")).startswith(AS_ASKED):
        del measured["judged"]
    return _of(
        data, fault, measured=measured | timing, state=state, how=how or fault.how, reason=reason,
        early=early,
    )  # fmt: skip


def _of(
    data: TrialData, fault: PlannedFault, *, measured: dict[str, Any], state: str, how: str,
    reason: str, early: bool,
) -> FaultResult:  # fmt: skip
    return FaultResult(
        id=fault.id,
        fault=fault.fault,
        trial=data.file.n,
        asked=fault.asked,
        measured=measured,
        state=state,
        how=how,
        reason=reason,
        targets=fault.targets,
        groups=fault.groups,
        pairs=fault.pairs,
        start_s=fault.at_ns / 1e9,
        end_s=fault.end_ns / 1e9,
        ended_early=early,
    )


METHODS = (
    Method(
        name="State and timing of a fault",
        figures=("faults.*",),
        formula="Installed: every host that acts read it back, and no measurement contradicts. "
        "Indeterminate: a host failed or told nothing, the effect is plainly not there, it began "
        f"or ended more than {fault_records.LATE_NS / 1e9:g} s late, or nobody told its end. "
        f"Ended early: by more than {fault_records.EARLY_NS / 1e6:g} ms. After due: on each host's "
        "own schedule. Spread: last minus first host on the common time line.",
        left_out="The end of a fault that lasts to the end of the trial.",
        assumes="The agents' journals, stamped on the clock of their schedule.",
    ),
    Method(
        name="Not measured",
        figures=tuple(f"faults.{word}" for word in KINDS if word not in CHECK_OF),
        formula="Done by the simulator as asked; nothing is measured.",
        left_out="Nothing.",
        assumes="The simulator.",
    ),
    *(check.method for check in CHECKS),
)
