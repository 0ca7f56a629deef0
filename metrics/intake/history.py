"""Event files of a run into DuckDB: staged, broken lines counted, gaps in seq reported as losses.

After `load` the connection holds one table `events` (wide: a column for each field of any kind)
with the trial's number; readers take typed rows by kind. Times are as written, not aligned.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from node.events import KINDS

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
class Loss:
    """Events of one writer that are missing: seq jumped from after to before."""

    host: str
    node: str
    after_seq: int
    before_seq: int
    mono_from_ns: int
    mono_to_ns: int

    @property
    def count(self) -> int:
        """Return how many events are missing."""
        return self.before_seq - self.after_seq - 1


@dataclass(frozen=True, slots=True)
class Intake:
    """What came in for one trial: lines, rejected lines per host, losses, unknown kinds."""

    lines: int
    rejected: dict[str, int]
    unknown_kinds: dict[str, int]
    losses: list[Loss]
    hosts: list[str]


def connect() -> duckdb.DuckDBPyConnection:
    """Return an empty in-memory database with the table `events`."""
    db = duckdb.connect()
    columns = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
    db.execute(f"CREATE TABLE events (trial INTEGER, {columns})")
    return db


def load(db: duckdb.DuckDBPyConnection, folder: Path, trial: int) -> Intake:
    """Return what was taken in from folder (trials/<n>) after adding its events to `events`."""
    rejected: dict[str, int] = {}
    hosts: list[str] = []
    spec = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    for path in sorted(folder.glob("hosts/*/events.jsonl*")):
        if path.stat().st_size == 0:
            continue
        host = path.parent.name
        hosts.append(host)
        db.execute(
            f"CREATE OR REPLACE TEMP TABLE staging AS SELECT * FROM read_json(?, "
            f"format='newline_delimited', columns={{{spec}}}, ignore_errors=true, "
            "maximum_object_size=16777216)",
            [str(path)],
        )
        broken = _scalar(db, "SELECT count(*) FROM staging WHERE kind IS NULL OR seq IS NULL")
        if broken:
            rejected[host] = rejected.get(host, 0) + broken
        db.execute(
            f"INSERT INTO events SELECT {trial}, {names} FROM staging "
            "WHERE kind IS NOT NULL AND seq IS NOT NULL"
        )
    known = ", ".join(f"'{kind}'" for kind in KINDS)
    unknown = db.execute(
        f"SELECT kind, count(*) FROM events WHERE trial = ? AND kind NOT IN ({known}) "
        "GROUP BY kind ORDER BY kind",
        [trial],
    ).fetchall()
    return Intake(
        lines=_scalar(db, f"SELECT count(*) FROM events WHERE trial = {trial}"),
        rejected=rejected,
        unknown_kinds=dict(unknown),
        losses=_losses(db, trial),
        hosts=sorted(set(hosts)),
    )


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


def _losses(db: duckdb.DuckDBPyConnection, trial: int) -> list[Loss]:
    found = db.execute(
        "SELECT host, node, before, seq, mono_before, mono_ns FROM "
        "(SELECT host, node, seq, mono_ns, lag(seq) OVER w AS before, "
        "lag(mono_ns) OVER w AS mono_before FROM events WHERE trial = ? "
        "WINDOW w AS (PARTITION BY host, node ORDER BY seq)) WHERE seq > before + 1 "
        "ORDER BY node, seq",
        [trial],
    ).fetchall()
    first = db.execute(
        "SELECT host, node, -1, min(seq), min(mono_ns), min(mono_ns) FROM events WHERE trial = ? "
        "GROUP BY host, node HAVING min(seq) > 0 ORDER BY node",
        [trial],
    ).fetchall()
    return [Loss(*row) for row in first + found]


def _scalar(db: duckdb.DuckDBPyConnection, query: str) -> int:
    row = db.execute(query).fetchone()
    return int(row[0]) if row else 0
