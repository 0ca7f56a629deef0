"""One trial's raw facts, aligned: what every metric starts from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import duckdb
import numpy as np

from faults.model.record import Record
from metrics.intake import agent_journals, event_table, phase_windows, timeline
from metrics.intake.clock_pairs import Epoch
from metrics.intake.event_validation import Intake
from metrics.intake.timeline import Timeline
from metrics.model import run_folder
from metrics.model.plan import Phase, Plan, PlannedTrial
from metrics.model.run_folder import COMPLETE, TrialFile

OUTSIDE = "outside"
SLOT_DUE = "slot producer head_num lib_num wake_error_ns"
"""What is read of events that come once a slot."""
T = TypeVar("T")


class Event(NamedTuple):
    """An event on the time line: t_ns since T0 with the interval it must lie in.

    Its kind, and each column that was asked for, are attributes as well (`from` is `from_`).
    """

    host: str
    node: str
    boot: str
    seq: int
    wall_ns: int
    mono_ns: int
    t_ns: float
    lo_ns: float
    hi_ns: float

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name} is no column that was asked for")

    @property
    def epoch(self) -> Epoch:
        """Return the epoch of the event's monotonic stamp."""
        return Epoch(self.host, self.boot)


def _shape(kind: str, columns: str) -> type[Event]:
    """Return the type of the events of a kind with the named columns."""
    more: dict[str, Any] = {"__slots__": (), "kind": kind}
    for i, name in enumerate(columns.split(), start=len(Event._fields)):
        more["from_" if name == "from" else name] = property(itemgetter(i))
    return type("Event", (Event,), more)


@dataclass(frozen=True, slots=True)
class TrialData:
    """Everything known about one trial; `events` reads typed, aligned events from the database."""

    plan: Plan
    """With the chain of the trial's cell."""
    planned: PlannedTrial
    file: TrialFile
    folder: Path
    db: duckdb.DuckDBPyConnection
    intake: Intake
    agents: list[Record]
    timeline: Timeline
    epochs: list[Epoch]
    """Every boot of every host that wrote events."""
    phases: list[Phase]
    """The planned phases, cut where faults were seen to begin and end."""
    _cache: dict[tuple[str, str], list[Event]] = field(default_factory=dict)
    _made: dict[Any, Any] = field(default_factory=dict)

    def events(self, kind: str, columns: str = "") -> list[Event]:
        """Return the events of one kind with the named columns as attributes, by node and seq."""
        wanted = {*columns.split()}
        for (known, more), found in self._cache.items():
            own = {*more.split()}
            # Of a line of several transactions there is a row for each, where `id` is asked for.
            if known == kind and wanted <= own and ("id" in wanted) == ("id" in own):
                return found
        rows = event_table.rows(self.db, self.file.n, kind, columns)
        self._cache[kind, columns] = found = self._align(rows, _shape(kind, columns))
        return found

    def _align(self, rows: list[tuple[Any, ...]], shape: type[Event]) -> list[Event]:
        groups: dict[Epoch, list[int]] = {}
        for i, row in enumerate(rows):
            groups.setdefault(Epoch(row[0], row[2]), []).append(i)
        t, lo, hi = (np.empty(len(rows)) for _ in range(3))
        for epoch, indexes in groups.items():
            mono = np.asarray([rows[i][5] for i in indexes], dtype=np.int64)
            t[indexes], lo[indexes], hi[indexes] = self.timeline.line(epoch, mono)
        times = zip(rows, t.tolist(), lo.tolist(), hi.tolist(), strict=True)
        return [tuple.__new__(shape, (*row[:6], *stamp, *row[6:])) for row, *stamp in times]

    def once(self, make: Callable[..., T], *args: Any) -> T:
        """Return make(data, *args), which is made once in a trial, by whoever asks for it first."""
        if make not in self._made:
            self._made[make] = make(self, *args)
        made: T = self._made[make]
        return made

    def boots(self, host: str) -> int:
        """Return how often the host was up, as its events or its own agent know boots apart."""
        wrote = {epoch.boot for epoch in self.epochs if epoch.host == host}
        acted = {record.boot for record in self.agents if record.host == host}
        return max(len(wrote), len(acted))

    def epoch_of(self, record: Record) -> Epoch:
        """Return whose raw clock stamped an agent's record.

        An agent in a container reads a boot id of the container; its nodes may read the machine's,
        whose clock it is. Where a host's events know one boot only, that is meant.
        """
        known = [epoch for epoch in self.epochs if epoch.host == record.host]
        return known[0] if len(known) == 1 else Epoch(record.host, record.boot)

    def slot_time_ns(self, slot: int) -> int:
        """Return the nominal time of slot since T0, the time of the first producible slot."""
        return (slot - self.file.genesis_slot - 1) * self.plan.slot_ns

    def slot_at(self, t_ns: float) -> int:
        """Return the slot whose nominal time is the last at or before t_ns."""
        return int(t_ns // self.plan.slot_ns) + self.file.genesis_slot + 1

    def phase_at(self, t_ns: float) -> str:
        """Return the name of the phase at t_ns, or `outside`."""
        phase = self.window_at(t_ns)
        return phase.name if phase else OUTSIDE

    def window_at(self, t_ns: float) -> Phase | None:
        """Return the stretch of a phase that t_ns lies in, None outside of all."""
        return next((p for p in self.phases if p.start_ns <= t_ns < p.end_ns), None)

    @property
    def end_ns(self) -> int:
        """Return the end of observation, since T0: the plan's, or an earlier one if interrupted.

        A trial that ran to its end has no other: when its last slot was told is known only as well
        as the clocks are, and whether that slot counts must not hang on microseconds.
        """
        if self.file.state == COMPLETE:
            return self.plan.end_ns
        due = [e.t_ns for e in self.events("slot_due", SLOT_DUE) if e.t_ns == e.t_ns]
        last = int(max(due, default=0))
        return min(self.plan.end_ns, last) if last else self.plan.end_ns


def load(
    db: duckdb.DuckDBPyConnection, run: Path, plan: Plan, planned: PlannedTrial
) -> TrialData | None:
    """Return trial `planned` with its events loaded, or None when it never started."""
    file = run_folder.load_trial(run, planned.n)
    if file is None:
        return None
    plan = plan.of(planned)
    folder = run_folder.trial_folder(run, planned.n)
    told = agent_journals.load(folder, plan, file)
    agents = told.records
    intake = event_table.load(db, folder, plan, planned, file, agents)
    intake.findings += told.findings
    intake.notes += told.notes
    run_folder.write_faults(folder, agents)
    return TrialData(
        plan=plan,
        planned=planned,
        file=file,
        folder=folder,
        db=db,
        intake=intake,
        agents=agents,
        timeline=timeline.build(db, plan, planned, file, agents, intake),
        epochs=timeline.epochs(intake),
        phases=phase_windows.measured(planned, agents),
    )
