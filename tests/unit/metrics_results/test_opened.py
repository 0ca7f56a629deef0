"""The tables of a run as others open them: all described, tidy rows with the summary's figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.__main__ import main
from metrics import open_run, opened
from metrics.intake.lines import event_columns
from metrics.intake.lines.event_rows import ROWS
from metrics.model.run_folder import RunError
from metrics.results.written import markdown, tables, tidy

ROOT = Path(__file__).resolve().parents[3]


def test_every_column_of_every_table_of_a_run_is_described(run: Path) -> None:
    there = open_run(run)
    assert {"cells", "trials", "slots", "finality", "event_applied"} <= set(there.tables)
    blank = [
        (name, column)
        for name in there.tables
        for column, text in there.about(name).columns.items()
        if not text or not there.about(name).about
    ]
    assert blank == []


def test_every_column_that_a_table_may_have_is_described_and_no_other() -> None:
    found = tables.described()
    assert [name for name, each in found.items() if not each.about] == []
    assert [name for name, each in found.items() if not all(each.columns.values())] == []
    used = {name for word in ROWS for name in tables.COLUMNS[word]}
    assert set(event_columns.SHARED) - used == set()
    assert [key for key in event_columns.OF if key[1] not in tables.COLUMNS[key[0]]] == []


def test_tables_open_without_the_harness() -> None:
    program = (
        "import sys, metrics, metrics.opened\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] == 'harness'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_relations_of_a_run_join_by_their_names(run: Path) -> None:
    there = open_run(run)
    query = "SELECT count(*) FROM slots JOIN event_produced USING (trial, slot)"
    (found,) = there.sql(query).fetchall()
    assert found[0] == there.table("slots").filter("state = 'produced'").shape[0]


def test_a_folder_whose_name_is_a_pattern_opens(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a[b]*'c"
    (folder / "tables").mkdir(parents=True)
    (folder / "tables/slots.parquet").write_bytes((run / "tables/slots.parquet").read_bytes())
    assert open_run(folder).rows("slots") == open_run(run).rows("slots")


def test_a_run_without_tables_and_a_table_that_is_not_there_are_one_line(
    run: Path, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="no tables; make them with: slotlab report "):
        open_run(tmp_path)
    with pytest.raises(RunError, match="no table nothing; there are cells, clock_checks, "):
        open_run(run).table("nothing")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/slots.parquet").write_bytes(b"no parquet")
    with pytest.raises(RunError, match=r"slots.parquet: .*; make it anew with: slotlab report"):
        open_run(tmp_path)


def test_tidy_rows_have_the_figures_of_the_summary(run: Path) -> None:
    there = open_run(run)
    (cell,) = there.summary["cells"]
    for name in ("cells", "trials"):
        relation = there.table(name)
        rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
        assert [row["phase"] for row in rows] == [tidy.EVERY, *cell["phases"]]
        for row, m in zip(rows, (cell["metrics"], *cell["phases"].values()), strict=True):
            q = m["finality_latency_s"]
            assert (row["finality_n"], row["missed"]) == (q["n"], m["slots"]["missed"])
            if q["p50"] is not None:
                found = [row[f"finality_p50_{end}s"] for end in ("", "lo_", "hi_")]
                assert found == [q["p50"], *q["error"]["p50"]]
        worst = [q["max"] for q in cell["metrics"]["recovery_s"].values() if q["n"]]
        assert rows[0]["recovery_max_s"] == max(worst)


def test_the_command_tells_the_tables_and_prints_one(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(*words: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["data", str(run), *words])
        assert ended.value.code == 0
        return capsys.readouterr().out

    assert "nominal time of the slot" in printed()
    told = {each["table"]: each for each in json.loads(printed("--json"))}
    assert told["slots"]["rows"] == open_run(run).rows("slots")
    assert told["slots"]["columns"]["t_ns"] == "nominal time of the slot"
    lines = printed("slots", "--first", "2").splitlines()
    assert lines[0] == ",".join(told["slots"]["columns"])
    assert len(lines) == 3
    rows = [json.loads(line) for line in printed("event_applied", "--json").splitlines()]
    assert rows[0].keys() == told["event_applied"]["columns"].keys()
    assert len(rows) == told["event_applied"]["rows"]


def test_the_markdown_summary_has_the_verdict_cells_and_checks_and_no_markup_of_others(
    run: Path,
) -> None:
    text = (run / "summary.md").read_text()
    summary = json.loads((run / "summary.json").read_text())
    assert text.startswith(
        f"## {summary['campaign'].replace('_', '&#95;')}: {summary['verdict']}\n"
    )
    assert sum(line.startswith("| ") for line in text.splitlines()) == (
        4 + len(summary["checks"]) + len(summary["cells"][0]["phases"]) - 1
    )
    summary["title"] = "<b>x</b> | [y](z) @all `c`\n# d"
    said = markdown.encode(summary).decode().splitlines()[2]
    assert said.startswith(
        "&lt;b&gt;x&lt;/b&gt; &#124; &#91;y&#93;(z) &#64;all &#96;c&#96;&#92;n&#35; d. Lab "
    )


def test_pandas_that_is_missing_is_one_line(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "find_spec", lambda _: None)
    with pytest.raises(RunError, match="pip install pandas, or use table"):
        open_run(run).frame("slots")


def test_a_mistyped_table_is_the_operators_and_said_with_the_nearest(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["data", str(run), "finalty"])
    line = "slotlab: data: finalty: no table of this run; did you mean finality?\n"
    assert (ended.value.code, capsys.readouterr().err) == (2, line)
