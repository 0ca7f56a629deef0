"""Parquet files that are joined hold what they held, and what looks a value up finds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.results.written import row_groups
from metrics.results.written.tables import FORMAT

COLUMNS = """
    i AS num, 'h' || i % 7 AS host, 'id' || i AS id, i % 3 = 0 AS fine, i / 7 AS share,
    range(i, i + i % 20) AS times, CASE WHEN i % 5 > 0 THEN i END AS some
"""


def _read(db: duckdb.DuckDBPyConnection, query: str) -> tuple[list[tuple[str, str]], list[Any]]:
    """Return names and types of columns, and the rows."""
    found = db.execute(query)
    return [(name, str(kind)) for name, kind, *_ in found.description or []], found.fetchall()


@settings(max_examples=12, deadline=None)
@given(
    counts=st.lists(st.sampled_from([1, 2, 40, 2048, 5000]), min_size=1, max_size=6),
    options=st.sampled_from([FORMAT, "FORMAT parquet", f"{FORMAT}, ROW_GROUP_SIZE 2048"]),
)
def test_joined_files_are_read_as_their_parts_in_order(
    counts: list[int], options: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("joined")
    parts, first = [], 0
    with duckdb.connect(config={"threads": 1}) as db:
        for place, count in enumerate(counts):
            parts.append(folder / f"{place}.parquet")
            rows = f"SELECT {COLUMNS} FROM range({first}, {first + count}) t(i)"
            db.execute(f"COPY ({rows}) TO '{parts[-1]}' ({options})")
            first += count
        row_groups.join(parts, folder / "whole.parquet")
        whole = f"read_parquet('{folder}/whole.parquet')"
        expected = f"SELECT {COLUMNS} FROM range({first}) t(i)"
        assert _read(db, f"FROM {whole}") == _read(db, expected)
        looked_up = f"SELECT count(*) FROM {whole} WHERE host = 'h3' OR id = 'id{first - 1}'"
        here = sum(i % 7 == 3 or i == first - 1 for i in range(first))
        assert db.execute(looked_up).fetchone() == (here,)


def test_a_file_of_one_part_is_that_part(tmp_path: Path) -> None:
    part, whole = tmp_path / "part.parquet", tmp_path / "whole.parquet"
    with duckdb.connect() as db:
        db.execute(f"COPY (SELECT {COLUMNS} FROM range(3000) t(i)) TO '{part}' ({FORMAT})")
    row_groups.join([part], whole)
    assert whole.read_bytes() == part.read_bytes()
