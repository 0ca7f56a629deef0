"""Tables are printed whole: at full length where no terminal is, folded on a narrow one."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from harness.campaign import campaign_file
from harness.cli.commands import COMMANDS, GROUPS
from harness.cli.plan import hosts_of
from harness.cli.tables.plan_tables import cells_of
from harness.cli.tables.summary_tables import checks_of
from harness.controller.console import console_of, table_of
from harness.plan import lab_view, planner
from harness.preflight.rows import Row, findings_of

ADDRESS = "fd00:221:10::1234:5678:9abc"
PLANNED = planner.build(
    file := campaign_file.load(campaign_file.find("demo")), lab_view.simulated(file), seed=1
)
TABLES = {
    "hosts": hosts_of(PLANNED),
    "cell": next(iter(cells_of(PLANNED))),
    "findings": findings_of(
        [Row("n1", "data address", "fail", f"{ADDRESS} is on no card", "x" * 50)]
    ),
    "checks": checks_of(
        {"checks": [{"name": "always", "verdict": "holds", "evidence": "block " + "f" * 64}]}
    ),
}


def printed(table: Table, width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_narrow_terminal_folds_and_cuts_nothing(name: str, width: int) -> None:
    wide, narrow = printed(TABLES[name], 1000), printed(TABLES[name], width)
    assert max(len(line) for line in narrow) <= width
    letters = [sorted(c for line in lines for c in line if c.isalnum()) for lines in (wide, narrow)]
    assert letters[0] == letters[1]
    assert not any("…" in line for line in narrow)


def test_a_word_longer_than_its_column_goes_on_in_the_next_line() -> None:
    table = table_of("host", "address")
    table.add_row("n1", ADDRESS)
    pieces = [line.split("│")[2].strip() for line in printed(table, 24) if "│" in line]
    assert len(pieces) > 1
    assert "".join(pieces) == ADDRESS


def test_without_a_terminal_a_line_is_as_long_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    table = table_of("address", "path", title="hosts")
    table.add_row(ADDRESS, str(tmp_path / ("long" * 60)))
    console_of().print(table)
    console_of(stderr=True).print("word " * 100)
    out, err = capsys.readouterr()
    assert ADDRESS in out
    assert "long" * 60 in out
    assert len(err.splitlines()) == 1


@pytest.mark.slow
def test_help_has_every_word_on_a_narrow_terminal() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harness", "--help"],
        env={**os.environ, "COLUMNS": "60"},
        capture_output=True,
        text=True,
        check=True,
    )
    text = " ".join(done.stdout.split())
    top = {words: line for words, (_, line) in COMMANDS.items() if " " not in words}
    assert [line for line in (top | GROUPS).values() if line not in text] == []
    assert "--install-completion " in text
    assert max(map(len, done.stdout.splitlines())) <= 60
