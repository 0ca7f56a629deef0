"""Every row of the table of bends: the verdict, the named host or file, the figures; no traceback.

A row names the numbered point of the promise that it belongs to: 1 to 4 passes that must not be,
5 to 12 figures, 13 damage.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from metrics.model.run_folder import RunError
from tests.unit.metrics_bends import table_damage, table_faults, table_figures, table_lives
from tests.unit.metrics_bends.folder import copy, summarize
from tests.unit.metrics_bends.row import REFUSED, Row, Summary, problems

pytestmark = pytest.mark.slow

ROWS = [*table_lives.ROWS, *table_faults.ROWS, *table_figures.ROWS, *table_damage.ROWS]
FEWEST = 80
POINTS = range(1, 14)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_bent_record_neither_passes_nor_accuses(
    row: Row, clean: Callable[[str], Summary], tmp_path: Path
) -> None:
    folder = copy(row.run, tmp_path / "run")
    row.bend(folder)
    if row.verdict == REFUSED:
        with pytest.raises(RunError) as refusal:
            summarize(folder.path)
        assert row.says in str(refusal.value)
        assert "\n" not in str(refusal.value)
    else:
        assert problems(row, summarize(folder.path), clean(row.run)) == []


def test_the_table_covers_every_point_on_both_runs() -> None:
    assert len(ROWS) >= FEWEST
    assert {row.point for row in ROWS} == set(POINTS)
    assert {row.run for row in ROWS} == {"lab", "sim"}
    assert len({row.id for row in ROWS}) == len(ROWS)
