"""Runs of one campaign beside each other: what is worse, by chance perhaps, or not known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.__main__ import main
from harness.campaign import campaign_file
from harness.cli.tables import compare_tables
from harness.errors import CampaignError
from metrics.results.compare import Place, compare
from metrics.results.trial_figures import OPEN, Figure

P50 = "finality_latency_s.p50"
MISSED = "slots.missed_ratio"
RULES = {P50: 0.01}


def side(values: Sequence[float | Figure], figure: str = P50) -> dict[Place, list[Figure]]:
    found = [v if isinstance(v, tuple) else (v, v, v) for v in values]
    return {Place("", "baseline", figure): found}


def verdict(
    base: Mapping[Place, Sequence[Figure]],
    other: Mapping[Place, Sequence[Figure]],
    rules: Mapping[str, float] = RULES,
) -> str:
    (row,) = compare(base, other, rules)
    return str(row["verdict"])


FIVE = [1.00, 1.01, 1.02, 1.03, 1.04]


@pytest.mark.parametrize(
    ("other", "word"),
    [
        ([v + 0.2 for v in FIVE], "worse"),
        ([v - 0.2 for v in FIVE], "better"),
        ([v + 0.001 for v in FIVE], "no difference"),
        ([OPEN] * 5, "worse"),
        (FIVE[:2], "too few trials"),
        ([(v + 0.2, v - 0.2, v + 0.3) for v in FIVE], "within the clocks' error"),
    ],
)
def test_a_figure_that_is_judged_has_one_of_these_verdicts(
    other: list[float | Figure], word: str
) -> None:
    assert verdict(side(FIVE), side(other)) == word


TRIALS = st.lists(st.one_of(st.integers(1, 9).map(float), st.just(OPEN)), min_size=4, max_size=6)
SWAPPED = {"worse": {"better"}, "within tolerance": {"better"},
           "better": {"worse", "within tolerance"}}  # fmt: skip


@given(TRIALS, TRIALS)
@example([OPEN] * 5, FIVE)
def test_what_is_worse_than_a_run_has_that_run_better(
    first: list[float | Figure], second: list[float | Figure]
) -> None:
    """Also where trials of either last beyond the end."""
    there, back = (verdict(side(a), side(b)) for a, b in ((first, second), (second, first)))
    assert back in SWAPPED.get(there, {there})


def test_a_difference_without_an_end_says_which_way_it_goes() -> None:
    ((there,), (back,)) = (
        compare(side(a), side(b), RULES) for a, b in ((FIVE, [OPEN] * 5), ([OPEN] * 5, FIVE))
    )
    assert [(row["shift"], row["verdict"]) for row in (there, back)] == [
        (None, "worse"), (None, "better"),
    ]  # fmt: skip
    assert [compare_tables._difference(row) for row in (there, back)] == [
        "beyond the end", "no longer beyond the end",
    ]  # fmt: skip


def test_what_a_campaign_tolerates_is_no_regression() -> None:
    other = side([v + 0.2 for v in FIVE])
    assert verdict(side(FIVE), other, {P50: 0.5}) == "within tolerance"
    shares = side([0.10, 0.101, 0.102, 0.103, 0.104], MISSED)
    more = side([0.15, 0.151, 0.152, 0.153, 0.154], MISSED)
    assert verdict(shares, more, {MISSED: 0.06}) == "within tolerance"
    assert verdict(shares, more, {MISSED: 0.04}) == "worse"


def test_fewer_final_transactions_are_worse() -> None:
    name = "transactions.irreversible"
    base, other = side([100, 101, 102, 103, 104], name), side([50, 51, 52, 53, 54], name)
    assert (verdict(base, other, {name: 0.01}), verdict(other, base, {name: 0.01})) == (
        "worse", "better",
    )  # fmt: skip


def test_the_more_is_judged_the_less_one_figure_says_alone() -> None:
    """Four against four reach 2/70 at best: enough alone, not for the best of two (Holm)."""
    four, more = FIVE[:4], [v + 1 for v in FIVE[:4]]
    assert verdict(side(four), side(more)) == "worse"
    both = {**side(four), **side([0.0] * 4, MISSED)}
    rows = compare(both, {**side(more), **side([0.0] * 4, MISSED)}, {P50: 0.01, MISSED: 0.01})
    assert [row["verdict"] for row in rows] == ["too few trials"] * 2


def test_a_row_says_all_that_its_verdict_rests_on() -> None:
    (row,) = compare(side(FIVE), side([v + 0.2 for v in FIVE]), RULES)
    assert {key: row[key] for key in ("base", "other", "effect", "p", "p_holm", "tolerance")} == {
        "base": {"n": 5, "value": 1.02}, "other": {"n": 5, "value": 1.22}, "effect": 1.0,
        "p": 2 / 252, "p_holm": 2 / 252, "tolerance": 0.01,
    }  # fmt: skip
    assert [round(row[key], 6) for key in ("shift", "low", "high")] == [0.2, 0.17, 0.23]


SUMMARY = {"schema": "slotlab.summary/v1", "verdict": "pass"}


def folder(there: Path, run: Path, values: Sequence[float], verdict: str = "pass") -> Path:
    """Make a run folder with a plan, and a summary of trials with these latencies."""
    there.mkdir()
    (there / "plan.json").write_bytes((run / "plan.json").read_bytes())
    trials = [
        {"n": n, "figures": {"baseline": {P50: [value] * 3}}}
        for n, value in enumerate(values, start=1)
    ]
    cells = [{"n": 1, "params": {}, "trials": trials}]
    text = json.dumps({**SUMMARY, "verdict": verdict, "cells": cells})
    (there / "summary.json").write_text(text)
    return there


@pytest.mark.parametrize(
    ("values", "word", "status"),
    [
        (FIVE, "pass", 0),
        ([v + 0.2 for v in FIVE], "pass", 1),
        ([v + 0.2 for v in FIVE], "invalid", 3),
        (FIVE[:1], "pass", 3),
    ],
)
def test_the_exit_status_tells_a_script_what_came_of_it(
    tmp_path: Path, run: Path, values: list[float], word: str, status: int,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    base = folder(tmp_path / "base", run, FIVE)
    other = folder(tmp_path / "other", run, values, word)
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(base), str(other), "--json"])
    assert ended.value.code == status
    (found,) = json.loads(capsys.readouterr().out)
    assert found["runs"] == [str(base), str(other)]
    assert found["invalid"] == ([str(other)] if word == "invalid" else [])


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda cell: cell["trials"][0].pop("figures"), "`figures` - at `$.cells[0].trials[0]`"),
        (lambda cell: cell["trials"][0]["figures"]["baseline"].update({P50: [1.0]}),
         "at `$.cells[0].trials[0].figures[...][...]`"),
        (lambda cell: cell.update(params=3), "at `$.cells[0].params`"),
    ],
)  # fmt: skip
def test_a_summary_of_another_version_is_one_line_with_the_remedy(
    tmp_path: Path, run: Path, change: Callable[[dict[str, Any]], Any], where: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    base, other = (folder(tmp_path / name, run, FIVE) for name in ("base", "other"))
    summary = json.loads((other / "summary.json").read_text())
    change(summary["cells"][0])
    (other / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(base), str(other)])
    err = capsys.readouterr().err
    assert (ended.value.code, err.count("\n")) == (3, 1)
    assert where in err
    assert err.endswith(f"; write it again with slotlab report {other}\n")


CAMPAIGN = """
schema: slotlab.campaign/v1
title: t
regression: {finality_latency.p95: {worse_by: 5%}}
"""


def test_a_rule_for_what_is_no_figure_is_refused_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text(CAMPAIGN)
    with pytest.raises(CampaignError) as caught:
        campaign_file.load(tmp_path / "c.yml")
    assert str(caught.value) == (
        "c.yml: regression.finality_latency.p95: no figure of trials;"
        " did you mean finality_latency_s.p95?"
    )
