"""Tidy rows: of each cell and of each trial, by phase, its parameters beside its main figures."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from metrics.measure.metric import Figures
from metrics.results.trial_figures import EVERY

Row = dict[str, Any]
PARAMETER = "param_"
"""How the column of a parameter begins; its name in the matrix follows."""


class Figure(NamedTuple):
    """A figure of a row: what it says, and where it stands in M."""

    text: str
    of: Callable[[Figures], Any]


def _at(text: str, *path: str) -> Figure:
    def of(m: Figures) -> Any:
        for key in path:
            m = m[key]
        return m

    return Figure(text, of)


def _quantiles(metric: str, name: str, unit: str, what: str) -> Iterator[tuple[str, Figure]]:
    """Yield the columns of a Q of M: samples, and quantiles with the ends of their error."""
    yield f"{name}_n", _at(f"blocks that {what} is judged by", metric, "n")
    yield f"{name}_censored", _at("of them not final by the end", metric, "censored")
    for key in ("p50", "p95", "p99", "max"):
        yield f"{name}_{key}_{unit}", _at(f"{key} of {what}", metric, key)
        for i, (end, word) in enumerate((("lo", "least"), ("hi", "most"))):
            text = f"{word} that may be, by the clocks' error"
            yield f"{name}_{key}_{end}_{unit}", _error(text, metric, key, i)


def _error(text: str, metric: str, key: str, end: int) -> Figure:
    return Figure(text, lambda m: (m[metric]["error"].get(key) or (None, None))[end])


def _recovery_max(m: Figures) -> float | None:
    found = [q["max"] for q in m["recovery_s"].values() if q["n"]]
    return None if None in found else max(found, default=None)


def _recovery(text: str, key: str) -> Figure:
    return Figure(text, lambda m: sum(q[key] for q in m["recovery_s"].values()))


FIGURES: dict[str, Figure] = {
    **dict(_quantiles("finality_latency_s", "finality", "s", "finality at the quorum")),
    **dict(_quantiles("finality_lag_blocks", "lag", "blocks", "the lag of finality")),
    "slots": _at("slots that somebody has", "slots", "expected"),
    "missed": _at("slots missed", "slots", "missed"),
    "unknown": _at("slots of which it is not known", "slots", "unknown"),
    "missed_ratio": _at("missed of missed and produced", "slots", "missed_ratio"),
    "late": _at("blocks a slot or more late", "slots", "late"),
    "orphaned": _at("blocks of no final and not of the best branch", "slots", "orphaned"),
    "double": _at("blocks beyond the first of a slot", "slots", "double"),
    "fork_switches": _at("times a node's head moved to another branch", "forks", "switches"),
    "fork_depth_max": _at("most blocks undone for it", "forks", "depth_max"),
    "sent": _at("transactions sent", "transactions", "sent"),
    "irreversible": _at("of them in a final block", "transactions", "irreversible"),
    "rejected": _at("of them refused", "transactions", "rejected"),
    "lost": _at("of them lost", "transactions", "lost"),
    "recovery_n": _recovery("hosts that a fault disturbed, over all faults", "n"),
    "recovery_censored": _recovery("of them not back by the end", "censored"),
    "recovery_max_s": Figure("longest time back to normal; unknown if one is not", _recovery_max),
}
"""The figures of a row by column, in order."""
_OF_CELL = {"cell": "number of the cell"}
_OF_PHASE = {"phase": f"phase; {EVERY}: all together but the warm-up"}
_SAID = {name: figure.text for name, figure in FIGURES.items()}
CELLS = {**_OF_CELL, "trials": "trials that were run", **_OF_PHASE, **_SAID}
TRIALS = {
    "trial": "number of the trial",
    **_OF_CELL,
    "seed": "seed of the trial",
    "verdict": "pass, fail or invalid",
    **_OF_PHASE,
    **_SAID,
}
"""What columns say, those of parameters aside."""


def cells(found: list[Figures]) -> list[Row]:
    """Return the rows of the cells that summary.json has."""
    rows = []
    for cell in found:
        head = {"cell": cell["n"], "trials": len(cell["trials"])}
        for phase, m in ((EVERY, cell["metrics"]), *cell["phases"].items()):
            rows.append(_row(head, cell["params"], phase, m))
    return rows


def trials(found: list[Figures], alone: Mapping[int, Mapping[str, Figures]]) -> list[Row]:
    """Return the rows of the trials, by number; found: the cells that summary.json has; alone: M of
    each trial by phase.
    """
    rows = []
    for cell in found:
        for trial in cell["trials"]:
            said = {key: trial[key] for key in ("seed", "verdict")}
            head = {"trial": trial["n"], "cell": cell["n"], **said}
            for phase, m in alone[trial["n"]].items():
                rows.append(_row(head, cell["params"], phase, m))
    return sorted(rows, key=lambda row: int(row["trial"]))


def _row(head: Row, params: dict[str, Any], phase: str, m: Figures) -> Row:
    named = {PARAMETER + name: value for name, value in params.items()}
    figures = {name: figure.of(m) for name, figure in FIGURES.items()}
    return {**head, **named, "phase": phase, **figures}
