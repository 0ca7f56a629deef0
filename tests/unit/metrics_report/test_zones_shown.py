"""The section of zones: what is in doubt stands open, what is as asked is one line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jinja2
import pytest

from metrics.model import number_text
from metrics.report import outline


def held(trial: int, state: str) -> dict[str, Any]:
    return {"trial": trial, "how": "sim", "state": state, "reason": "", "measured": {"zones": []}}


def section(states: list[str]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(outline.__file__).parent), autoescape=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.globals["number"] = number_text.number
    apart = {"matrix": "m.csv", "losses": "", "dealt": "evenly", "hosts": {}, "source": ""}
    trials = [held(n, state) for n, state in enumerate(states, start=1)]
    return environment.get_template("sections/zones.html.j2").render(
        summary={"zones": trials}, zones={t["trial"]: apart for t in trials}
    )


@pytest.mark.parametrize(
    ("states", "unfolded", "count"),
    [
        (["installed"], [], ""),
        (["installed"] * 2, [1], "1 more trial"),
        (["installed"] * 4, [1], "3 more trials"),
        (["installed", "installed", "indeterminate", "installed"], [3, 1], "2 more trials"),
        (["indeterminate", "indeterminate"], [1, 2], ""),
    ],
)
def test_trials_as_asked_are_a_line_but_for_the_first(
    states: list[str], unfolded: list[int], count: str
) -> None:
    page = section(states)
    found = re.findall(r"<details open><summary>Trial (\d+)", page)
    assert [int(n) for n in found] == unfolded
    assert re.findall(r"<summary>(\d+ more trials?)", page) == ([count] if count else [])
    assert page.count("<table>") == len(states)
