"""The tables of phases are no wider than a page."""

from __future__ import annotations

from collections import Counter

from metrics.measure.metric import PHASE_TABLES
from metrics.measure.registry import SHOWN

MOST = 6
"""So many columns beside the phase's name fit on paper, and on a screen 800 pixels wide."""


def test_every_column_stands_in_a_table_and_none_has_more_than_fit() -> None:
    columns: Counter[str] = Counter()
    for metric in SHOWN:
        heads, cells, table = metric.columns
        assert heads.count("<th") == cells.count("<td")
        columns[table] += heads.count("<th")
    assert set(columns) == set(PHASE_TABLES)
    assert [n for n in columns.values() if n > MOST] == []
