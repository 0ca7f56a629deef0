"""One figure of a sweep as a file: text that can be read, the same bytes each time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from harness.cli.tables.sweep_table import Sweep, save_sweeps
from harness.errors import UsageError
from metrics.report import charts
from metrics.results.sweep import Cell, sweep
from metrics.results.trial_figures import OPEN

PATH = "recovery_s.cut.max"


def row(*values: float, censored: bool = False) -> dict[str, Any]:
    """Return a row over two cells; the second lies beyond the end if censored."""
    first = {n: {"all": {PATH: (v, v, v)}} for n, v in enumerate(values)}
    second = {n: {"all": {PATH: OPEN if censored else (v + 1,) * 3}} for n, v in enumerate(values)}
    (found,) = sweep([Cell(1, {"off": "25%"}, first), Cell(2, {"off": "50%"}, second)])
    return found


def texts(picture: Path) -> list[str]:
    return re.findall(r">([^<>\n]+)</text>", picture.read_text())


def test_a_picture_says_the_axis_its_values_the_figure_and_whose_it_is(tmp_path: Path) -> None:
    picture = tmp_path / "a.svg"
    save_sweeps(picture, [Sweep("sim", row(1.0, 2.0)), Sweep("container", row(1.5, 1.75))])
    said = texts(picture)
    assert {"off", "25%", "50%", "recovery cut max (s)", "sim, all", "container, all"} <= {*said}
    assert "<dc:date>" not in picture.read_text()


def test_the_same_figures_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        save_sweeps(tmp_path / name, [Sweep("sim", row(1.0, 2.0, censored=True))])
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_what_lies_beyond_the_end_is_a_triangle_at_the_upper_edge(tmp_path: Path) -> None:
    marked = []
    for censored in (False, True):
        picture = tmp_path / f"{censored}.svg"
        save_sweeps(picture, [Sweep("sim", row(1.0, 2.0, censored=censored))])
        marked.append('id="beyond"' in picture.read_text())
    assert marked == [False, True]


def test_of_two_with_the_same_values_the_second_leaves_the_first_to_be_seen(tmp_path: Path) -> None:
    picture = tmp_path / "a.svg"
    save_sweeps(picture, [Sweep("sim", row(1.0, 2.0)), Sweep("container", row(1.0, 2.0))])
    second = f"stroke: {charts.COLOURS[1].lower()}"
    dashed = re.findall(r"stroke-dasharray: [^;]+;.*?(stroke: #\w+)", picture.read_text())
    rings = re.findall(r"<use .*fill-opacity: 0; (stroke: #\w+)", picture.read_text())
    assert ({*dashed}, {*rings}) == ({second}, {second})


def test_values_that_are_nearly_equal_do_not_fill_the_height(tmp_path: Path) -> None:
    picture = tmp_path / "a.svg"
    trials = {n: {"all": {PATH: (v, v, v)}} for n, v in enumerate((100.0, 100.0001, 100.0002))}
    (each,) = sweep([Cell(n, {"off": f"{n}%"}, trials) for n in (1, 2)])
    save_sweeps(picture, [Sweep("sim", each)])
    ticks = [int(text) for text in texts(picture) if re.fullmatch(r"\d+", text)]
    assert max(ticks) - min(ticks) >= 4


@pytest.mark.parametrize("name", ["a.gif", "a"])
def test_a_picture_of_another_format_is_refused_with_those_there_are(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="ends in none of svg, pdf, png"):
        save_sweeps(tmp_path / name, [Sweep("sim", row(1.0, 2.0))])
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("kind", ["pdf", "png"])
def test_it_can_be_a_pdf_and_a_png(kind: str, tmp_path: Path) -> None:
    picture = tmp_path / f"a.{kind}"
    save_sweeps(picture, [Sweep("sim", row(1.0, 2.0))])
    assert picture.read_bytes()[:4] == {"pdf": b"%PDF", "png": b"\x89PNG"}[kind]
