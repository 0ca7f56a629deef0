"""How far a run is: which trial of how many, of which cell, and what is left of the whole. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from faults.model.fault import SECOND_NS
from metrics.model.plan import Plan, PlannedTrial

MINUTE_S = 60


@dataclass(slots=True)
class Course:
    """Mutable: the trials to be run, how many have ended, and how long each of those took.

    guess_ns: what a trial is thought to take before one has ended; None: nobody knows.
    """

    plan: Plan
    trials: Sequence[PlannedTrial]
    guess_ns: int | None = None
    took_ns: list[int] = field(default_factory=list)
    begun_ns: int = 0

    def begin(self, now_ns: int) -> None:
        """Note when the next trial begins, by any clock that nobody steps."""
        self.begun_ns = now_ns

    def end(self, now_ns: int) -> None:
        """Note when it has ended."""
        self.took_ns.append(now_ns - self.begun_ns)

    def name(self, trial: PlannedTrial) -> str:
        """Return what a trial is called: `trial 3 of 24 (cell 2: delay=50ms)`."""
        cell = next(cell for cell in self.plan.cells if cell.n == trial.cell)
        which = f" ({cell.name})" if cell.params else ""
        return f"trial {trial.n} of {len(self.plan.trials)}{which}"

    def left(self, now_ns: int, *, known_ns: int = 0) -> str:
        """Return how long all that is left will take, "" where nothing is known of it.

        Trials are thought to take what those that have ended took on average, the one at hand at
        least known_ns more.
        """
        each_ns = sum(self.took_ns) // len(self.took_ns) if self.took_ns else self.guess_ns
        if each_ns is None:
            return ""
        rest = len(self.trials) - len(self.took_ns) - 1
        left_ns = max(known_ns, each_ns - (now_ns - self.begun_ns)) + rest * each_ns
        return f"{_long(left_ns // SECOND_NS)} left of the whole"


def each_ns(plan: Plan) -> int:
    """Return how long a trial is estimated to take."""
    return plan.estimate.seconds * SECOND_NS // len(plan.trials)


def _long(seconds: int) -> str:
    if seconds < 2 * MINUTE_S:
        return f"{seconds} s"
    minutes = -(-seconds // MINUTE_S)
    return f"{minutes} min" if minutes < 2 * 60 else f"{minutes // 60} h {minutes % 60} min"
