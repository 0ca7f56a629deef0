"""Event files of a run into DuckDB: what passed the gate, and what is wrong with the rest.

After `load` the connection holds a table `event_<kind>` for each kind, with the trial's number;
readers take typed rows by kind. Times are as written, not aligned.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from faults.model.record import Record
from metrics.intake import event_validation, record_completeness
from metrics.intake.event_validation import Intake
from metrics.intake.inserter import Inserter
from metrics.intake.lines.event_frames import COLUMNS_OF
from metrics.intake.lines.event_rows import COLUMNS
from metrics.model.plan import Plan, PlannedTrial
from metrics.model.run_folder import TrialFile

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


def connect(*, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """Return an empty in-memory database with a table for each kind of event.

    threads: with how many it works, each of which takes memory; None: one for each processor.
    """
    db = duckdb.connect(config={} if threads is None else {"threads": threads})
    for word, columns in COLUMNS_OF.items():
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
    at_once: int,
) -> Intake:
    """Return what was taken in from folder (trials/<n>) after adding its events to the tables.

    at_once: in so many processes are hosts read.
    """
    inserter = Inserter(db, planned.n)
    db.begin()  # At its end rows are moved into the tables, not copied each time.
    intake = event_validation.gather(folder, inserter.add, at_once)
    inserter.end()
    db.commit()
    _count(db, inserter, intake)
    intake.in_order = inserter.in_order()
    intake.written = inserter.written()
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


def _count(db: duckdb.DuckDBPyConnection, inserter: Inserter, intake: Intake) -> None:
    """Say in an intake who wrote how many lines of which kinds, and on which chains."""
    intake.lines = inserter.told.total()
    intake.told = {*inserter.told}
    for (*_, kind), count in sorted(inserter.told.items()):
        if kind not in COLUMNS:
            intake.unknown_kinds[kind] += count
    intake.hosts = sorted({host for host, *_ in intake.told})
    chains = "SELECT DISTINCT host, chain_id FROM event_started WHERE chain_id <> ''"
    for host, chain in db.execute(chains).fetchall():
        intake.chains.setdefault(host, set()).add(chain)


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
    db: duckdb.DuckDBPyConnection, trial: int, kind: str, columns: str, which: str = ""
) -> list[tuple[Any, ...]]:
    """Return (host, node, boot, seq, wall_ns, mono_ns, *columns) of one kind, as written.

    Where it tells of several transactions at once and the column `id` is asked for, of each. which:
    a clause that leaves some out.
    """
    names = columns.split()
    extra = "".join(f', "{name}"' for name in names)
    each = kind == _TXS and "id" in names
    return db.execute(
        f"SELECT host, node, boot, seq, wall_ns, mono_ns{extra} "
        f"FROM {_EACH if each else f'event_{kind}'} "
        f"WHERE trial = ? {which} ORDER BY node, seq, mono_ns{', place' if each else ''}",
        [trial],
    ).fetchall()
