"""Event files of a run into DuckDB: what passed the gate, and what is wrong with the rest.

After `load` the connection holds a table `event_<kind>` for each kind, with the trial's number;
readers take typed rows by kind. Times are as written, not aligned.
"""

import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from faults.model.record import Record
from metrics.intake import event_validation, record_completeness
from metrics.intake.event_rows import ROWS
from metrics.intake.event_validation import Intake
from metrics.model.plan import Plan, PlannedTrial
from metrics.model.run_folder import TrialFile

_AS_TEXT = (
    "producers", "peers", "tally", "out", "weights", "changes", "fees", "by_account", "to_workers",
    "earned", "missed",
)  # fmt: skip
"""Columns kept as written: compared whole, different by kind, or by names of producers."""
_TOLD = """
    WITH told AS (
        SELECT host, id, num, slot, producer FROM event_produced WHERE trial = $trial
        UNION ALL
        SELECT host, id, num, slot, producer FROM event_received WHERE trial = $trial
        UNION ALL
        SELECT host, id, num, slot, producer FROM event_applied WHERE trial = $trial
    )
    SELECT * FROM told WHERE id IN (
        SELECT id FROM told GROUP BY id
        HAVING min(num) < max(num) OR min(slot) < max(slot) OR min(producer) < max(producer)
    )
"""
_TXS = "txs"
_EACH = f"(SELECT *, unnest(ids) AS id, generate_subscripts(ids, 1) AS place FROM event_{_TXS})"
"""A row for each of the transactions that a line tells of."""


def _columns(row: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    """Yield (name, type) of a column for each field of a row, but those that none can hold."""
    kind = msgspec.inspect.type_info(row)
    assert isinstance(kind, msgspec.inspect.StructType)
    for field in kind.fields:
        sql = "JSON" if field.encode_name in _AS_TEXT else _sql(field.type)
        if sql:
            yield field.encode_name, sql


def _sql(kind: msgspec.inspect.Type) -> str:
    """Return the type of a column that holds values of a type, "" for none."""
    match kind:
        case msgspec.inspect.IntType():
            return "BIGINT"
        case msgspec.inspect.StrType() | msgspec.inspect.LiteralType():
            return "VARCHAR"
        case msgspec.inspect.BoolType():
            return "BOOLEAN"
        case msgspec.inspect.ListType(item_type=item):
            return f"{_sql(item)}[]"
    return ""


COLUMNS = {word: dict(_columns(row)) for word, row in ROWS.items()}
"""By kind the columns of its table after the trial's number: name and type."""


def connect() -> duckdb.DuckDBPyConnection:
    """Return an empty in-memory database with a table for each kind of event."""
    db = duckdb.connect()
    for word, columns in COLUMNS.items():
        typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        db.execute(f"CREATE TABLE event_{word} (trial INTEGER, {typed})")
    return db


def load(
    db: duckdb.DuckDBPyConnection,
    folder: Path,
    plan: Plan,
    planned: PlannedTrial,
    file: TrialFile,
    agents: list[Record],
) -> Intake:
    """Return what was taken in from folder (trials/<n>) after adding its events to the tables."""
    with tempfile.TemporaryDirectory(prefix="slotlab-") as spare:
        intake = event_validation.gather(folder, Path(spare))
        for word in COLUMNS:
            _insert(db, word, Path(spare), planned.n)
    record_completeness.judge(intake, plan, planned, file, agents)
    intake.written.clear()
    intake.findings += _contradictions(db, planned.n)
    for counts, what in (
        (intake.repeated, "came twice and were taken once"),
        (intake.zeroed, "held NUL bytes, which were left out"),
    ):
        seen = sorted((+counts).items())  # None of zero.
        intake.notes += [f"{host}: {count} lines {what}" for host, count in seen]
    return intake


def _insert(db: duckdb.DuckDBPyConnection, word: str, spare: Path, trial: int) -> None:
    """Add the rows of a kind, of all hosts."""
    paths = sorted(spare.glob(f"*/{word}.jsonl"))
    if not paths:
        return
    spec = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS[word].items())
    db.execute(
        f"INSERT INTO event_{word} SELECT {trial}, * FROM read_json(?, format='newline_delimited', "
        f"columns={{{spec}}}, maximum_object_size=67108864)",
        [[str(path) for path in paths]],
    )


def _contradictions(db: duckdb.DuckDBPyConnection, trial: int) -> list[str]:
    """Return a finding for each host that tells otherwise of a block than most lines do.

    A block's id is a digest of its header, so all must tell the same.
    """
    by_block: dict[str, list[tuple[str, tuple[int, int, str]]]] = defaultdict(list)
    for host, id_, *block in db.execute(_TOLD, {"trial": trial}).fetchall():
        by_block[id_].append((host, tuple(block)))
    wrong: Counter[str] = Counter()
    for told in by_block.values():
        times = Counter(block for _, block in told)
        most = max(times.values())
        wrong.update({host for host, block in told if times[block] < most or most * 2 <= len(told)})
    return [
        f"{host}: of {count} blocks it tells another number, slot or producer than other lines"
        for host, count in sorted(wrong.items())
    ]


def number_epochs(db: duckdb.DuckDBPyConnection, epochs: Sequence[tuple[str, str]]) -> None:
    """Add a table with the place of each (host, boot) of a trial, `epochs`."""
    db.execute("CREATE OR REPLACE TABLE epochs (host VARCHAR, boot VARCHAR, epoch BIGINT)")
    if epochs:
        numbered = [(*epoch, place) for place, epoch in enumerate(epochs)]
        db.executemany("INSERT INTO epochs VALUES (?, ?, ?)", numbered)


def rows(
    db: duckdb.DuckDBPyConnection, trial: int, kind: str, columns: str
) -> list[tuple[Any, ...]]:
    """Return (host, node, boot, seq, wall_ns, mono_ns, *columns) of one kind, as written.

    Where it tells of several transactions at once and the column `id` is asked for, of each.
    """
    names = columns.split()
    extra = "".join(f', "{name}"' for name in names)
    each = kind == _TXS and "id" in names
    return db.execute(
        f"SELECT host, node, boot, seq, wall_ns, mono_ns{extra} "
        f"FROM {_EACH if each else f'event_{kind}'} "
        f"WHERE trial = ? ORDER BY node, seq, mono_ns{', place' if each else ''}",
        [trial],
    ).fetchall()
