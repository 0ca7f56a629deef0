"""Event files of a run into DuckDB: what passed the gate, and what is wrong with the rest.

After `load` the connection holds a table `event_<kind>` for each kind, with the trial's number;
readers take typed rows by kind. Times are as written, not aligned.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from faults.model.record import Record
from metrics.intake import event_validation, record_completeness
from metrics.intake.event_validation import Intake
from metrics.intake.lines.event_frames import COLUMNS_OF, PLACE, Frame
from metrics.intake.lines.event_rows import COLUMNS, OTHERS
from metrics.intake.written import Written
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
AT_ONCE = 50_000
"""So many rows of a kind are put into its table at once: each time costs as much as hundreds."""
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
    intake = event_validation.gather(folder, inserter.add, at_once)
    inserter.end()
    intake.in_order = inserter.in_order
    _count(db, intake)
    intake.written = _written(db, intake)
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


class Inserter:
    """Mutable: puts rows into the tables of their kinds, many at once."""

    def __init__(self, db: duckdb.DuckDBPyConnection, trial: int) -> None:
        self._db, self._trial = db, trial
        self._waiting: dict[str, list[Frame]] = defaultdict(list)
        self._last: dict[str, tuple[str, int] | None] = {}

    def add(self, word: str, frame: Frame) -> None:
        """Take rows of a kind."""
        self._last[word] = _last(frame, self._last.get(word, ("", -1)))
        self._waiting[word].append(frame)
        if sum(len(frame[PLACE]) for frame in self._waiting[word]) >= AT_ONCE:
            self._put(word)

    @property
    def in_order(self) -> set[str]:
        """Return the kinds whose rows have come by writer and number."""
        return {word for word, last in self._last.items() if last is not None}

    def end(self) -> None:
        """Put in what still waits."""
        for word in [*self._waiting]:
            self._put(word)

    def _put(self, word: str) -> None:
        frames = self._waiting.pop(word)
        joined = {name: np.concatenate([own[name] for own in frames]) for name in frames[0]}
        self._db.register("frame", joined)
        self._db.execute(
            f"INSERT INTO event_{word} "
            f"SELECT {self._trial}, * EXCLUDE ({PLACE}) FROM frame WHERE {PLACE} > 0"
        )
        self._db.unregister("frame")


def _last(frame: Frame, before: tuple[str, int] | None) -> tuple[str, int] | None:
    """Return the last writer and number of a frame, None where not each row comes after another."""
    node, seq = (frame[name][frame[PLACE] > 0] for name in ("node", "seq"))
    same = node[1:] == node[:-1]
    rises = np.where(same, seq[1:] > seq[:-1], node[1:] > node[:-1])
    first, last = ((str(node[i]), int(seq[i])) for i in (0, -1))
    return last if before is not None and before < first and rises.all() else None


def _count(db: duckdb.DuckDBPyConnection, intake: Intake) -> None:
    """Say in an intake who wrote how many lines of which kinds, and on which chains."""
    kinds = {word: f"'{word}'" for word in COLUMNS_OF} | {OTHERS: "kind"}
    each = " UNION ALL ".join(
        f"SELECT host, node, boot, {kind} AS kind, count(*) FROM event_{word} GROUP BY ALL"
        for word, kind in kinds.items()
    )
    for host, node, boot, kind, count in db.execute(f"{each} ORDER BY ALL").fetchall():
        intake.lines += count
        intake.told.add((host, node, boot, kind))
        if kind not in COLUMNS:
            intake.unknown_kinds[kind] += count
    intake.hosts = sorted({host for host, *_ in intake.told})
    chains = "SELECT DISTINCT host, chain_id FROM event_started WHERE chain_id <> ''"
    for host, chain in db.execute(chains).fetchall():
        intake.chains.setdefault(host, set()).add(chain)


def _written(db: duckdb.DuckDBPyConnection, intake: Intake) -> dict[tuple[str, str], Written]:
    """Return the lines of each (host, writer)."""
    if not intake.told:
        return {}
    kinds = {kind if kind in COLUMNS else OTHERS for *_, kind in intake.told}
    writers = sorted({(host, node) for host, node, *_ in intake.told})
    boots = sorted({boot for _, _, boot, _ in intake.told})
    names = [*COLUMNS_OF, *boots]
    every = sorted({own[:3] for own in intake.told})
    hosts, nodes, booted = (np.asarray(own, dtype=object) for own in zip(*every, strict=True))
    writer = np.asarray([writers.index(own[:2]) for own in every])
    boot_place = np.asarray([len(COLUMNS_OF) + boots.index(own[2]) for own in every])
    places = {"host": hosts, "node": nodes, "boot": booted, "writer": writer}
    db.register("writers", places | {"boot_place": boot_place})
    each = " UNION ALL ".join(
        f"SELECT writer, seq, {code} AS kind, boot_place, wall_ns, mono_ns "
        f"FROM event_{word} JOIN writers USING (host, node, boot)"
        for code, word in enumerate(COLUMNS_OF)
        if word in kinds
    )
    found = db.execute(f"{each} ORDER BY writer, seq").fetchnumpy()
    db.unregister("writers")
    edges = np.searchsorted(found.pop("writer"), np.arange(len(writers) + 1))
    return {
        writer: Written(names, *(column[edges[n] : edges[n + 1]] for column in found.values()))
        for n, writer in enumerate(writers)
    }


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
