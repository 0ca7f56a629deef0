"""The page has its sections in one order, leads to each of them, and asks nobody for anything."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import jinja2
import pytest

from metrics.report import outline
from tests.unit.metrics_report.charts_of import charts_of

TEMPLATES = Path(outline.__file__).parent / "sections"
LOADING = {"src", "srcset", "action", "poster", "data", "background", "formaction", "ping"}
"""Attributes by which a page fetches."""


class Outline(HTMLParser):
    """Gathers a page's ids by tag, where its links lead, and what it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[tuple[str, str]] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.styles = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in a tag."""
        for name, value in attrs:
            if name == "id":
                self.ids.append((tag, value or ""))
            elif name == "href":
                self.links.append(value or "")
            elif name in LOADING or tag in ("link", "iframe", "object", "embed", "img"):
                self.fetched.append(f"{tag} {name}={value}")
            elif name == "style":
                self.styles += f"{value}\n"

    def handle_data(self, data: str) -> None:
        """Take in text of a style."""
        if self.cdata_elem == "style":
            self.styles += data


@pytest.fixture(scope="module")
def page(run: Path) -> Outline:
    found = Outline()
    found.feed((run / "report.html").read_text())
    return found


def test_sections_stand_in_their_order(page: Outline) -> None:
    found = [name for tag, name in page.ids if tag == "section"]
    names = list(outline.SECTIONS)
    places = [names.index(outline.TRIALS if name == "trial-1" else name) for name in found]
    assert places == sorted(places)
    left_out = {"stories", "zones", "sweep", "systems", "foreseen"}
    assert set(names) - {names[place] for place in places} == left_out


def test_parts_of_a_trial_stand_in_their_order_and_what_did_not_happen_has_none(
    page: Outline,
) -> None:
    names = [f"trial-1-{name}" for name in outline.PARTS]
    found = [name for _, name in page.ids if name in names]
    assert all(names.index(a) < names.index(b) for a, b in pairwise(found))
    left_out = {"reversed", "stake", "schedule", "proposals", "hard_forks", "pay"}
    assert set(names) - set(found) == {f"trial-1-{name}" for name in left_out}


def test_each_link_leads_to_something_that_is_there_once(page: Outline) -> None:
    ids = [name for _, name in page.ids]
    assert len(ids) == len(set(ids))
    assert {link for link in page.links if link.removeprefix("#") not in ids} == set()
    sections = [name for tag, name in page.ids if tag == "section"]
    assert [link for link in page.links if link[1:] in sections] == [f"#{s}" for s in sections]


def test_the_page_fetches_nothing(page: Outline) -> None:
    assert page.fetched == []
    assert "url(" not in page.styles
    assert "@import" not in page.styles


def test_each_template_is_of_a_section_or_of_a_part_of_one() -> None:
    found = {str(path.relative_to(TEMPLATES)).partition(".")[0] for path in TEMPLATES.rglob("*.j2")}
    declared = set(outline.SECTIONS) - {outline.TRIALS} | {f"trial/{p}" for p in outline.PARTS}
    assert found - {"alike", "trial"} == declared


def test_a_part_is_explained_where_a_page_has_it_first_and_not_again() -> None:
    own = {
        "sections/trial.html.j2": "{% for part in parts %}{{ part.html }}{% endfor %}",
        "sections/trial/slots.html.j2": "{{ ['slots', explains] if trial.n > 1 }}",
    }
    environment = jinja2.Environment(loader=jinja2.FunctionLoader(lambda name: own.get(name, "")))
    found = outline.sections(environment, {"trials": [{"n": 1}, {"n": 2}, {"n": 3}]})
    assert [section.html for section in found] == ["['slots', True]", "['slots', False]"]


def test_a_table_that_would_have_no_row_is_a_sentence() -> None:
    heads_alone = [
        str(path.relative_to(TEMPLATES))
        for path in TEMPLATES.rglob("*.j2")
        if "{% else %}<tr>" in path.read_text()
    ]
    assert heads_alone == []


def test_charts_beside_each_other_keep_their_width_on_a_phone(run: Path) -> None:
    page = (run / "report.html").read_text()
    axes = {key: chart["layout"].get("xaxis", {}) for key, chart in charts_of(page).items()}
    beside = {key for key, axis in axes.items() if axis.get("domain", [0.0, 1.0])[1] < 1.0}
    kept = set(re.findall(r'<div class="two"><div class="chart" id="([^"]+)"', page))
    assert beside
    assert kept == beside
