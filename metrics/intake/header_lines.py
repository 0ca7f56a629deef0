"""What hosts told of headers, each once, for whoever recomputes them by the rules of the chain."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import duckdb

from metrics.model.run_folder import HeadersFile

_LINES = """
    WITH told AS (
        SELECT 'applied' AS kind, host, num, id, previous, slot, producer, header, seq
        FROM event_applied
        UNION ALL
        SELECT 'irreversible', host, num, id, '', 0, '', '', seq FROM event_irreversible
    )
    SELECT * EXCLUDE (seq) FROM told WHERE NOT list_contains(?::VARCHAR[], host)
    QUALIFY row_number() OVER (PARTITION BY kind, id, header ORDER BY host, seq) = 1
        OR row_number() OVER (PARTITION BY host ORDER BY seq) = 1
    ORDER BY host, seq
"""


class HeaderLine(NamedTuple):
    """An `applied` or `irreversible` event, as far as headers are judged by it."""

    kind: str
    host: str
    num: int
    id: str
    previous: str
    slot: int
    producer: str
    header: str


Recompute = Callable[[Path, Iterable[HeaderLine]], HeadersFile]
"""What judges a trial's headers, by the trial's folder and its lines."""


def read(db: duckdb.DuckDBPyConnection, liars: Iterable[str]) -> list[HeaderLine]:
    """Return the first line of each header and of each irreversible block, and of each host.

    liars: hosts whose lines are left out.
    """
    return [HeaderLine(*row) for row in db.execute(_LINES, [[*liars]]).fetchall()]
