"""Event files of a run into DuckDB: what passed the gate, and what is wrong with the rest.

After `load` the connection holds one table `events` (wide: a column for each field of any kind)
with the trial's number; readers take typed rows by kind. Times are as written, not aligned.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from faults.model.record import Record
from metrics.intake import block_agreement, event_validation, record_completeness
from metrics.intake.record_completeness import Loss
from metrics.model.plan import Plan, PlannedTrial
from metrics.model.run_folder import TrialFile

_TEXT = (
    "kind host node boot software python role chain_id profile producer id from what reason old "
    "new ancestor source peer flow peer_boot state queue header state_digest previous"
).split()
_INTS = (
    "v seq wall_ns mono_ns genesis_ns slot_ns resumed_num resumed_lib slot due_ns wake_error_ns "
    "head_num lib_num num tx_count size_bytes confirmed late_ns fsync_ns old_num new_num depth "
    "ancestor_num offset_ns bound_ns rtt_ns stratum sent received t1_ns t2_ns t3_ns t4_ns version "
    "due accepted refused backlog late_max_ns cpu_ns rss_bytes loop_late_ns mempool n"
).split()
_OTHER = {
    "verified": "BOOLEAN", "rtts_ns": "BIGINT[]", "transactions": "VARCHAR[]", "producers": "JSON",
    "peers": "JSON",
}  # fmt: skip
COLUMNS: dict[str, str] = dict.fromkeys(_TEXT, "VARCHAR") | dict.fromkeys(_INTS, "BIGINT") | _OTHER


@dataclass(frozen=True, slots=True)
class Intake:
    """What came in for one trial: lines, rejected lines per host, losses, unknown kinds."""

    lines: int
    rejected: dict[str, int]
    unknown_kinds: dict[str, int]
    losses: list[Loss]
    hosts: list[str]
    """The hosts of which any event passed."""
    findings: list[str]
    """What is damaged or missing, each `<host>: …`; each makes the trial invalid."""
    notes: list[str]

    @property
    def damaged(self) -> frozenset[str]:
        """Return the hosts whose records are not what they wrote, or not all of it."""
        named = {finding.partition(":")[0] for finding in self.findings}
        return frozenset(named | {loss.host for loss in self.losses})


def connect() -> duckdb.DuckDBPyConnection:
    """Return an empty in-memory database with the table `events`."""
    db = duckdb.connect()
    columns = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
    db.execute(f"CREATE TABLE events (trial INTEGER, {columns})")
    return db


def load(
    db: duckdb.DuckDBPyConnection,
    folder: Path,
    plan: Plan,
    planned: PlannedTrial,
    file: TrialFile,
    agents: list[Record],
) -> Intake:
    """Return what was taken in from folder (trials/<n>) after adding its events to `events`."""
    with tempfile.TemporaryDirectory(prefix="slotlab-") as spare:
        passed = Path(spare) / "events.jsonl"  # A name without what a database takes for a pattern.
        with passed.open("wb") as out:
            gathered = event_validation.gather(folder, out)
        if gathered.lines:
            _insert(db, passed, planned.n)
    judged = record_completeness.judge(gathered, plan, planned, file, agents)
    return Intake(
        lines=gathered.lines,
        rejected={host: count for host, count in gathered.rejected.items() if count},
        unknown_kinds=dict(sorted(gathered.unknown_kinds.items())),
        losses=judged.losses,
        hosts=sorted({host for host, _ in gathered.written}),
        findings=gathered.findings
        + judged.findings
        + block_agreement.contradictions(db, planned.n),
        notes=judged.notes + _notes(gathered),
    )


def _insert(db: duckdb.DuckDBPyConnection, path: Path, trial: int) -> None:
    spec = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    db.execute(
        f"INSERT INTO events SELECT {trial}, {names} FROM read_json(?, "
        f"format='newline_delimited', columns={{{spec}}}, maximum_object_size=67108864)",
        [str(path)],
    )


def _notes(gathered: event_validation.Gathered) -> list[str]:
    found = [
        f"{host}: {count} lines came twice and were taken once"
        for host, count in sorted(gathered.repeated.items())
    ]
    return found + [
        f"{host}: {count} lines held NUL bytes, which were left out"
        for host, count in sorted(gathered.zeroed.items())
        if count
    ]


def rows(
    db: duckdb.DuckDBPyConnection, trial: int, kind: str, columns: str
) -> list[tuple[Any, ...]]:
    """Return (host, node, boot, seq, wall_ns, mono_ns, *columns) of one kind, as written."""
    extra = "".join(f', "{name}"' for name in columns.split())
    return db.execute(
        f"SELECT host, node, boot, seq, wall_ns, mono_ns{extra} FROM events "
        "WHERE trial = ? AND kind = ? ORDER BY node, seq, mono_ns",
        [trial, kind],
    ).fetchall()
