"""When the phases of a trial really were: cut where faults were seen to begin and end."""

from collections import defaultdict

from faults.model.record import Record
from metrics.model.method import Method
from metrics.model.plan import Phase, PlannedTrial

BETWEEN = "between"
"""The name of the time in which a fault had begun, or ended, on some of its hosts only."""
_AT, _END = "installed", "healed"


def measured(planned: PlannedTrial, agents: list[Record]) -> list[Phase]:
    """Return the phases in order, without gaps, each only as long as it was so on every host.

    A change of a fault lasts from the first host's earliest to the last host's latest moment, each
    on its own schedule since T0; that time is a phase of its own, BETWEEN. A fault that nobody
    recorded changes where it was planned to.
    """
    changes = _changes(planned, agents)
    found: list[Phase] = []
    for phase in planned.phases:
        start_ns = max([phase.start_ns, *changes[phase.start_ns]])
        end_ns = min([phase.end_ns, *changes[phase.end_ns]])
        before_ns = found[-1].end_ns if found else phase.start_ns
        start_ns = max(start_ns, before_ns)
        if end_ns <= start_ns:
            continue
        if start_ns > before_ns:
            found.append(Phase(name=BETWEEN, start_ns=before_ns, end_ns=start_ns))
        found.append(Phase(name=phase.name, start_ns=start_ns, end_ns=end_ns))
    return found


def _changes(planned: PlannedTrial, agents: list[Record]) -> dict[int, list[int]]:
    """Return, by planned moment, the edges of what agents recorded of the change due then."""
    due: dict[tuple[str, str], int] = {}
    for fault in planned.faults:
        due[fault.id, _AT] = fault.at_ns
        if not fault.open:
            due[fault.id, _END] = fault.end_ns
    found: dict[int, list[int]] = defaultdict(list)
    for record in agents:
        moment = due.get((record.fault_id, record.state))
        if moment is not None and record.between_ns:
            found[moment] += record.between_ns
    return found


METHOD = Method(
    name="Phases",
    formula="A phase begins when its fault was in force on its last host, and ends when it "
    "ended on the first, each on that host's own schedule since T0. Blocks and slots count in "
    "the phase that the nominal time of their slot lies in, all else in that of its own time.",
    left_out=f"The time in which a fault had begun, or ended, on some hosts only, is of no "
    f"phase ({BETWEEN}); it counts for the whole trial. Warm-up counts for nothing but itself.",
    assumes="What the hosts' agents wrote down of their own changes; where they wrote nothing, "
    "the plan.",
)
