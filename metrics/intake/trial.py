"""One trial's raw facts, aligned: what every metric starts from."""

from collections import defaultdict
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from functools import cache, partial
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import duckdb
import numpy as np
import numpy.typing as npt

from faults.model.record import Record
from metrics.intake import agent_journals, event_table, phase_windows, timeline
from metrics.intake.clock_pairs import Epoch, by_key
from metrics.intake.event_validation import Intake
from metrics.intake.lines.event_rows import COLUMNS
from metrics.intake.timeline import Timeline
from metrics.model import run_folder
from metrics.model.arrays import Floats, Ints
from metrics.model.plan import Phase, Plan, PlannedTrial
from metrics.model.run_folder import COMPLETE, TrialFile

OUTSIDE = "outside"
SLOT_DUE = "slot producer head_num lib_num wake_error_ns"
"""What is read of events that come once a slot."""
TIMES = ("t_ns", "lo_ns", "hi_ns")
_FIRST = "QUALIFY row_number() OVER (PARTITION BY id ORDER BY host, seq) = 1"
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

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how it comes out of another process: its type is made there."""
        return _event, (self.kind, self.columns, tuple(self))

    @property
    def epoch(self) -> Epoch:
        """Return the epoch of the event's monotonic stamp."""
        return Epoch(self.host, self.boot)


def _event(kind: str, columns: str, values: tuple[Any, ...]) -> Event:
    return tuple.__new__(_shape(kind, columns), values)


@cache
def _shape(kind: str, columns: str) -> type[Event]:
    """Return the type of the events of a kind with the named columns."""
    more: dict[str, Any] = {"__slots__": (), "kind": kind, "columns": columns}
    for i, name in enumerate(columns.split(), start=len(Event._fields)):
        more["from_" if name == "from" else name] = property(itemgetter(i))
    return type("Event", (Event,), more)


class Source:
    """Mutable: the database that a trial's events are in, what was read of it, and made of that.

    It stays where it is: of a trial that goes to another process, or is closed, nothing is there.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection | None = None) -> None:
        self.db = db
        self.read: dict[tuple[str, str], list[Event]] = {}
        self.columns: dict[str, dict[str, npt.NDArray[Any]]] = defaultdict(dict)
        self.made: dict[Any, Any] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Source, ()


@dataclass(frozen=True, slots=True)
class TrialData:
    """Everything known about one trial; `events` reads typed, aligned events from the database."""

    plan: Plan
    """With the chain of the trial's cell."""
    planned: PlannedTrial
    file: TrialFile
    folder: Path
    source: Source
    intake: Intake
    agents: list[Record]
    timeline: Timeline
    epochs: list[Epoch]
    """Every boot of every host that wrote events."""
    phases: list[Phase]
    """The planned phases, cut where faults were seen to begin and end."""
    end_ns: int = 0
    """The end of observation, since T0."""

    @property
    def db(self) -> duckdb.DuckDBPyConnection:
        """Return the database of its events; it may be asked until the trial is measured."""
        assert self.source.db is not None, "what is shown of a trial is measured before"
        return self.source.db

    def close(self) -> None:
        """Forget the events, and bounds between clocks: what was measured of them stays."""
        self.timeline.forget_latencies()
        self.source.db = None
        self.source.read.clear()
        self.source.columns.clear()
        self.source.made.clear()

    def events(self, kind: str, columns: str = "") -> list[Event]:
        """Return the events of one kind with the named columns as attributes, by node and seq."""
        wanted = {*columns.split()}
        for (known, more), found in self.source.read.items():
            own = {*more.split()}
            # Of a line of several transactions there is a row for each, where `id` is asked for.
            if known == kind and wanted <= own and ("id" in wanted) == ("id" in own):
                return found
        self.source.read[kind, columns] = found = self._events(kind, columns)
        return found

    def _events(self, kind: str, columns: str) -> list[Event]:
        names = columns.split()
        if not any(told == kind for *_, told in self.intake.told):
            return []
        if ("id" in names and kind == "txs") or any(COLUMNS[kind][x].endswith("[]") for x in names):
            rows = event_table.rows(self.db, self.file.n, kind, columns)
            return self._align(rows, _shape(kind, columns))
        return self.picked(kind, columns, slice(None))

    def picked(self, kind: str, columns: str, rows: Ints | slice) -> list[Event]:
        """Return some events of one kind, by their places among its `columns`."""
        told = self.columns(kind, f"node wall_ns {columns}")
        boots = np.asarray([epoch.boot for epoch in self.epochs], dtype=object)
        host, boot = (own[told["epoch"][rows]].tolist() for own in (self.epoch_hosts, boots))
        names = ("node", "seq", "wall_ns", "mono_ns", *TIMES, *columns.split())
        node, *others = (told[name][rows].tolist() for name in names)
        whole = zip(host, node, boot, *others, strict=True)
        return [*map(partial(tuple.__new__, _shape(kind, columns)), whole)]

    def firsts(self, kind: str, columns: str, without: Set[str] = frozenset()) -> list[Event]:
        """Return the first event of one kind about each block, by host and seq, but of those."""
        hosts = ", ".join("'" + host.replace("'", "''") + "'" for host in sorted(without))
        which = f"AND host NOT IN ({hosts}) {_FIRST}" if hosts else _FIRST
        rows = event_table.rows(self.db, self.file.n, kind, columns, which)
        return self._align(rows, _shape(kind, columns))

    def columns(self, kind: str, names: str = "") -> dict[str, npt.NDArray[Any]]:
        """Return the events of one kind as columns, by node and seq; of others there may be more.

        Beside those that are asked for: seq, mono_ns, t_ns, lo_ns, hi_ns, and epoch, the place of
        its epoch in `epochs`.
        """
        known = self.source.columns[kind]
        wanted = [x for x in ("epoch", "seq", "mono_ns", *names.split()) if x not in known]
        if wanted:
            extra = ", ".join(f'"{name}"' for name in wanted)
            known |= self.db.execute(
                f"SELECT {extra} FROM event_{kind} JOIN epochs USING (host, boot) "
                "WHERE trial = ? ORDER BY node, seq, mono_ns",
                [self.file.n],
            ).fetchnumpy()
        if "t_ns" not in known:
            times = self.times(known["epoch"], known["mono_ns"])
            known |= zip(TIMES, times, strict=True)
        return known

    def times(self, epoch: Ints, mono_ns: Ints) -> Floats:
        """Return the times since T0 of stamps of epochs, by their places, in three rows: the
        middles, and the lower and upper ends.
        """
        found = np.full((3, len(epoch)), np.nan)
        for place, own in by_key(epoch):
            found[:, own] = self.timeline.line(self.epochs[place], mono_ns[own])
        return found

    @property
    def epoch_hosts(self) -> npt.NDArray[np.object_]:
        """Return the host of each epoch, by place."""
        return np.asarray([epoch.host for epoch in self.epochs], dtype=object)

    @property
    def writers(self) -> tuple[list[str], Ints]:
        """Return the hosts that wrote events, in order, and the place of that of each epoch."""
        hosts = sorted({epoch.host for epoch in self.epochs})
        return hosts, np.asarray([hosts.index(epoch.host) for epoch in self.epochs], dtype=np.int64)

    def _align(self, rows: list[tuple[Any, ...]], shape: type[Event]) -> list[Event]:
        if not rows:
            return []
        columns = [*zip(*rows, strict=True)]
        places = {tuple(epoch): place for place, epoch in enumerate(self.epochs)}
        who = zip(columns[0], columns[2], strict=True)
        epoch = np.fromiter(map(places.__getitem__, who), dtype=np.int64)
        times = self.times(epoch, np.asarray(columns[5], dtype=np.int64)).tolist()
        whole = zip(*columns[:6], *times, *columns[6:], strict=True)
        return [*map(partial(tuple.__new__, shape), whole)]

    def once(self, make: Callable[..., T], *args: Any) -> T:
        """Return make(data, *args), which is made once in a trial, by whoever asks for it first."""
        if make not in self.source.made:
            self.source.made[make] = make(self, *args)
        made: T = self.source.made[make]
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


def load(
    db: duckdb.DuckDBPyConnection, run: Path, plan: Plan, planned: PlannedTrial, at_once: int
) -> TrialData | None:
    """Return trial `planned` with its events loaded, or None when it never started.

    at_once: in so many processes are its hosts read.
    """
    file = run_folder.load_trial(run, planned.n)
    if file is None:
        return None
    plan = plan.of(planned)
    folder = run_folder.trial_folder(run, planned.n)
    told = agent_journals.load(folder, plan, file)
    agents = told.records
    intake = event_table.load(db, folder, plan, planned, file, agents, at_once)
    intake.findings += told.findings
    intake.notes += told.notes
    run_folder.write_faults(folder, agents)
    epochs = timeline.epochs(intake)
    event_table.number_epochs(db, epochs)
    data = TrialData(
        plan=plan,
        planned=planned,
        file=file,
        folder=folder,
        source=Source(db),
        intake=intake,
        agents=agents,
        timeline=timeline.build(db, plan, planned, file, agents, intake),
        epochs=epochs,
        phases=phase_windows.measured(planned, agents),
    )
    return replace(data, end_ns=observed_until_ns(data))


def observed_until_ns(data: TrialData) -> int:
    """Return the end of observation: the plan's, or an earlier one if the trial was interrupted.

    A trial that ran to its end has no other: when its last slot was told is known only as well as
    the clocks are, and whether that slot counts must not hang on microseconds.
    """
    if data.file.state == COMPLETE:
        return data.plan.end_ns
    due = [e.t_ns for e in data.events("slot_due", SLOT_DUE) if e.t_ns == e.t_ns]
    last = int(max(due, default=0))
    return min(data.plan.end_ns, last) if last else data.plan.end_ns
