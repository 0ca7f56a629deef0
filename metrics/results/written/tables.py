"""Parquet files of a run: the raw events by kind, and the measured rows behind every figure."""

import glob
import shutil
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np

from metrics.intake.lines import event_columns
from metrics.intake.lines.event_rows import COLUMNS
from metrics.measure.metric import Frame
from metrics.measure.registry import METRICS
from metrics.results.analysis import Analysis
from metrics.results.written import tidy

Rows = list[tuple[Any, ...]]
PACKED = "zstd"
FORMAT = "FORMAT parquet, PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 4096"
"""Numbers as differences to the one before. So many different values have a dictionary: of stamps,
which all differ, a larger one is built and thrown away, which takes longer than all else.
"""
PARTS = "parts"
"""Below the draft: a folder a trial with its events."""
TRIAL = {"trial": event_columns.ENVELOPE["trial"]}
LOSSES = {
    **TRIAL,
    "host": "host of the writer",
    "node": "whose lines are missing",
    "after_seq": "last number before the gap, -1 if none",
    "before_seq": "first number after it",
    "mono_from_ns": "raw monotonic clock of the host at the one",
    "mono_to_ns": "and at the other",
}


class Described(NamedTuple):
    """What a row of a table is, and what each of its columns says."""

    about: str
    columns: Mapping[str, str]


def described() -> dict[str, Described]:
    """Return the dictionary of all tables that a run can have, by name.

    Parameters of a campaign have columns of their own, which begin with `tidy.PARAMETER`.
    """
    found = {
        "cells": Described("a cell of the matrix in a phase, over its trials", tidy.CELLS),
        "trials": Described("a trial in a phase", tidy.TRIALS),
    }
    for metric in METRICS:
        if own := metric.table:
            found[own.name] = Described(own.about, {**TRIAL, **own.columns})
    found["losses"] = Described("a gap in what a writer wrote", LOSSES)
    for word, columns in COLUMNS.items():
        names = ["trial", "kind", *columns]
        found[f"event_{word}"] = Described(
            event_columns.about(word), event_columns.columns(word, names)
        )
    return found


@contextmanager
def draft_of(folder: Path) -> Iterator[Path]:
    """Give a place for new tables beside a folder; afterwards it is gone, whatever there was."""
    draft = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir()
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_events(
    draft: Path, trial: int, db: duckdb.DuckDBPyConnection, alone: bool, in_order: Container[str]
) -> None:
    """Write the events of a trial: of each kind that there is a table with its columns.

    alone: the run has no other trial, so that these are its tables. in_order: kinds whose rows
    stand by writer and number already.
    """
    part = draft / PARTS / f"{trial:06}"
    part.mkdir(parents=True)
    for word in COLUMNS:
        if db.execute(f"SELECT 1 FROM event_{word} LIMIT 1").fetchall():
            query = f"SELECT trial, v, '{word}' AS kind, * EXCLUDE (trial, v) FROM event_{word}"
            if word not in in_order:
                query += " ORDER BY trial, node, seq, mono_ns"
            packed = PACKED if alone else "uncompressed"
            _put(db, query, part / f"event_{word}.parquet", packed)


def join_events(draft: Path, alone: bool) -> None:
    """Make one table of a kind's parts, in order of trials.

    draft: where `write_events` wrote those of each trial. alone: there is no more than one.
    """
    with closing(_connect()) as db:
        for name in sorted({path.name for path in draft.glob(f"{PARTS}/*/*.parquet")}):
            parts = sorted(draft.glob(f"{PARTS}/*/{name}"))
            if alone:
                parts[0].replace(draft / name)
            else:
                files = ", ".join(f"'{_quoted(glob.escape(str(part)))}'" for part in parts)
                _put(db, f"SELECT * FROM read_parquet([{files}])", draft / name)


def write(
    folder: Path,
    draft: Path,
    cells: list[dict[str, Any]],
    analyses: list[Analysis],
    alone: Mapping[int, Mapping[str, Any]],
) -> None:
    """Write tables/*.parquet; those of an earlier report stay until all new ones are there.

    draft: where `join_events` put those of events. cells: those of the summary. alone: M of each
    trial by phase.
    """
    with closing(_connect()) as db:
        for name, frame in _measured(analyses):
            _copy(db, draft / f"{name}.parquet", frame)
        for name, tidied in (
            ("cells", tidy.cells(cells)), ("trials", tidy.trials(cells, alone)),
        ):  # fmt: skip
            names = list(dict.fromkeys(key for row in tidied for key in row))
            rows = [tuple(row.get(key) for key in names) for row in tidied]
            _copy(db, draft / f"{name}.parquet", _frame(names, rows))
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.parquet"):
        old.unlink()
    for new in draft.glob("*.parquet"):
        new.replace(folder / new.name)


def _connect() -> duckdb.DuckDBPyConnection:
    """Return a database that works with one thread: more take as much memory each."""
    return duckdb.connect(config={"threads": 1})


def _put(db: duckdb.DuckDBPyConnection, query: str, path: Path, packed: str = PACKED) -> None:
    db.execute(f"COPY ({query}) TO '{_quoted(str(path))}' ({FORMAT}, COMPRESSION {packed})")


def _measured(analyses: list[Analysis]) -> Iterator[tuple[str, Frame]]:
    """Yield (name, columns) of each table; times are ns since T0, lo and hi error's ends."""
    for table, metric in ((metric.table, metric) for metric in METRICS):
        if table is not None:
            told = [(a.data.file.n, table.rows(a.of(metric))) for a in analyses]
            names = ["trial", *table.columns]
            frames = [(n, found) for n, found in told if isinstance(found, dict)]
            rows = [(n, *row) for n, found in told if not isinstance(found, dict) for row in found]
            yield table.name, _joined(frames) if frames else _frame(names, rows)
    losses = [(a.data.file.n, *astuple(loss)) for a in analyses for loss in a.data.intake.losses]
    yield "losses", _frame(list(LOSSES), losses)


def _joined(frames: list[tuple[int, Frame]]) -> Frame:
    """Return the columns of trials one below the other, after the trial's number."""
    counts = [len(next(iter(frame.values()))) for _, frame in frames]
    trial = np.repeat(np.asarray([n for n, _ in frames], dtype=np.int64), counts)
    parts = {name: [frame[name] for _, frame in frames] for name in frames[0][1]}
    return {"trial": trial, **{name: np.concatenate(own) for name, own in parts.items()}}


def _frame(names: Sequence[str], rows: Rows) -> Frame:
    return {name: _array([row[i] for row in rows]) for i, name in enumerate(names)}


def _copy(db: duckdb.DuckDBPyConnection, path: Path, frame: Frame) -> None:
    if not len(next(iter(frame.values()))):
        return
    db.register("frame", frame)
    _put(db, "FROM frame", path)
    db.unregister("frame")


def _array(values: list[Any]) -> np.ndarray[Any, Any]:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {float, int} and (None in values or float in kinds):
        return np.asarray([np.nan if v is None else v for v in values], dtype=np.float64)
    if kinds in ({int}, {bool}):
        return np.asarray(values, dtype=kinds.pop())
    return np.asarray([None if v is None else str(v) for v in values], dtype=object)


def _quoted(text: str) -> str:
    return text.replace("'", "''")
