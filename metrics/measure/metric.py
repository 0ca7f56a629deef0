"""What a metric is: how it is measured in a trial, pooled over trials, and shown in the report.

One module declares one METRIC, and `registry` names that module. M of summary.json, the tables,
what a campaign may expect, and the report's phases and methods are all read from there.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import numpy.typing as npt

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ChainView
from metrics.model.method import Method

T = TypeVar("T")
Figures = dict[str, Any]
"""M, or a part of it, as summary.json holds it."""
Frame = dict[str, npt.NDArray[Any]]
"""Rows of a table as columns, where there are many."""
CHAIN, DOUBT = "Chain", "Errors, clocks and verdicts"
"""Groups of the report's methods that metrics may belong to."""
FINALITY, BLOCKS, TRUST = "Finality", "Blocks and transactions", "What users could rely on"
PHASE_TABLES = (FINALITY, BLOCKS, TRUST)
"""The report's tables of phases, in order."""
OF_PHASE = {"phase": "phase in which the nominal time of its slot lies"}
OF_BLOCK = {"num": "number of the block", "id": "id of the block"}
WITHIN = {"lo_ns": "earliest it can have been", "hi_ns": "latest it can have been"}
"""Columns that several tables have."""


@dataclass(frozen=True, slots=True)
class Pool(Generic[T]):
    """What one set of figures is made of: what was measured in trials, and which of their phases.

    whole: these are all phases that count for the whole trial, not one of them alone.
    """

    trials: list[tuple[TrialData, T]]
    phases: frozenset[str]
    whole: bool

    def windows(self, data: TrialData) -> list[tuple[int, int]]:
        """Return each stretch of the phases in a trial."""
        return [(p.start_ns, p.end_ns) for p in data.phases if p.name in self.phases]


class Range(NamedTuple):
    """From where to where a figure lies (infinite where that is open), and what is said of it."""

    low: float
    high: float
    text: str


@dataclass(frozen=True, slots=True)
class Expected:
    """A figure that a campaign may set limits to: its path in M.

    quantiles: it has a limit for each quantile. open: how far the record leaves it open, if it can.
    """

    name: str
    quantiles: bool = False
    open: Callable[[Figures, str], Range | None] | None = None


class Table(NamedTuple):
    """A table of tables/: what a row is, its columns after the trial's number with what each says,
    and a trial's rows of it.

    Times are ns since T0, lo and hi the ends of their error.
    """

    name: str
    about: str
    columns: Mapping[str, str]
    rows: Callable[[Any], Iterable[tuple[Any, ...]] | Frame]


class Columns(NamedTuple):
    """Columns of one of the report's tables of phases: their heads, and cells of `m`, a phase's M.

    table: which of PHASE_TABLES; all in one would be wider than a page.
    """

    heads: str
    cells: str
    table: str = BLOCKS


_NO_COLUMNS = Columns("", "")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Metric(Generic[T]):
    """A metric, whole.

    measure: what a trial shows. pool: the keys that this adds to M, none if left out. adds: the
    type of each of them; sometimes: they are not always there. told: the keys that it adds to the
    trial in summary.json, and tells the type of each. place: where the report shows it, from the
    top; the order of M is that of the registry.
    """

    measure: Callable[[TrialData, ChainView], T]
    pool: Callable[[Pool[T]], Figures] = lambda over: {}
    adds: Mapping[str, Any] = field(default_factory=dict)
    sometimes: bool = False
    methods: tuple[Method, ...]
    place: int
    group: str = CHAIN
    expected: tuple[Expected, ...] = ()
    table: Table | None = None
    columns: Columns = _NO_COLUMNS
    told: Callable[[T], Figures] = lambda found: {}
    tells: Mapping[str, Any] = field(default_factory=dict)
