"""Parquet files of a run: the raw events by kind, and the measured rows behind every figure."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from metrics.intake.event_table import COLUMNS
from metrics.measure.registry import METRICS
from metrics.results.analysis import Analysis

Rows = list[tuple[Any, ...]]


def write(folder: Path, db: duckdb.DuckDBPyConnection, analyses: list[Analysis]) -> None:
    """Write tables/*.parquet; those of an earlier report stay until all new ones are there."""
    draft = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir()
        _events(draft, db)
        for name, columns, rows in _measured(analyses):
            _copy(db, draft / f"{name}.parquet", columns.split(), rows)
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.parquet"):
            old.unlink()
        for new in draft.iterdir():
            new.replace(folder / new.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _events(folder: Path, db: duckdb.DuckDBPyConnection) -> None:
    """Write event_<kind>.parquet, with the columns that kind has, of each kind there is."""
    for word in COLUMNS:
        if db.execute(f"SELECT 1 FROM event_{word} LIMIT 1").fetchall():
            target = folder / f"event_{word}.parquet"
            order = "ORDER BY trial, node, seq, mono_ns"
            query = (
                f"SELECT trial, v, '{word}' AS kind, * EXCLUDE (trial, v) FROM event_{word} {order}"
            )
            db.execute(f"COPY ({query}) TO '{_quoted(target)}' (FORMAT parquet, COMPRESSION zstd)")


def _measured(analyses: list[Analysis]) -> Iterator[tuple[str, str, Rows]]:
    """Yield (name, columns, rows) of each table; times are ns since T0, lo and hi error's ends."""
    for table, metric in ((metric.table, metric) for metric in METRICS):
        if table is not None:
            rows = [(a.data.file.n, *row) for a in analyses for row in table.rows(a.of(metric))]
            yield table.name, f"trial {table.columns}", rows
    yield (
        "losses",
        "trial host node after_seq before_seq mono_from_ns mono_to_ns",
        [(a.data.file.n, *astuple(loss)) for a in analyses for loss in a.data.intake.losses],
    )


def _copy(db: duckdb.DuckDBPyConnection, path: Path, columns: Sequence[str], rows: Rows) -> None:
    if not rows:
        return
    frame = {name: _array([row[i] for row in rows]) for i, name in enumerate(columns)}
    db.register("frame", frame)
    db.execute(f"COPY frame TO '{_quoted(path)}' (FORMAT parquet, COMPRESSION zstd)")
    db.unregister("frame")


def _array(values: list[Any]) -> np.ndarray[Any, Any]:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {float, int} and (None in values or float in kinds):
        return np.asarray([np.nan if v is None else v for v in values], dtype=np.float64)
    if kinds in ({int}, {bool}):
        return np.asarray(values, dtype=kinds.pop())
    return np.asarray([None if v is None else str(v) for v in values], dtype=object)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
