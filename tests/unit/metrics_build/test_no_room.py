"""A disk that is full while a report is made: one line, and what stood there before stays."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import duckdb
import pytest

from metrics import build as build_module
from metrics.build import build
from metrics.model.run_folder import RunError
from tests.unit.metrics_build import synthetic

pytestmark = pytest.mark.slow

FULL = OSError(errno.ENOSPC, "No space left on device")
TABLES_FULL = duckdb.IOException('Could not write file "t": No space left on device')


def quiet(text: str) -> None:
    """Take a progress line and drop it."""


def outputs(run: Path) -> dict[str, bytes]:
    """Return what a reader opens, and any draft of it."""
    return {path.name: path.read_bytes() for path in run.glob("*") if path.name != "plan.json"
            and path.is_file()}  # fmt: skip


@pytest.mark.parametrize("broken", ["report.html.new", "junit.xml.new", "summary.json.new"])
def test_a_report_that_does_not_fit_leaves_the_one_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    run = synthetic.write(tmp_path / "run", synthetic.Story())
    build(run, quiet)
    before = outputs(run)
    write_bytes = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name == broken:
            write_bytes(path, data[:100])
            raise FULL
        return write_bytes(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(RunError) as caught:
            build(run, quiet)
    words = f"{run}: No space left on device; make room, then: slotlab report {run}"
    assert str(caught.value) == words
    assert outputs(run) == before


def test_tables_that_do_not_fit_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = synthetic.write(tmp_path / "run", synthetic.Story())

    def full(*_: Any, **__: Any) -> None:
        raise TABLES_FULL

    monkeypatch.setattr(build_module.tables, "write", full)
    with pytest.raises(RunError, match=r"No space left on device; make room, then: slotlab report"):
        build(run, quiet)
    assert outputs(run) == {}
