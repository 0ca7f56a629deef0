"""A second analysis, from raw files and without the metrics room, finds what the summary says.

Every key of summary.json is compared, or stands with a reason in `NOT_FIGURES`.
"""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest

from metrics import build
from tests.sim.runs import meets, simulated
from tests.sim.second import summary
from tests.sim.second.agree import Near, disagreements
from tests.sim.second.finality import predicted

CAMPAIGNS = (
    "smoke", "demo", "clocks", "restarts", "rack_safety", "bitshares", "all_restart",
    "all_restart_operator", "conflicting_finality",
)  # fmt: skip
PASSING = ("clocks", "restarts", "all_restart_operator")
LONG_ONES = (
    "splits", "absent_producers", "participation", "bad_network", "conflicting_finality_locked",
    "late_handoff", "liars", "long_fork",
)  # fmt: skip
RUNS = Path(__file__).resolve().parents[1] / "vectors" / "runs"
"""Raw files of runs, among them the demo on containers."""
FOLDER = Path(__file__).parent / "second"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [*CAMPAIGNS, *(pytest.param(name, marks=pytest.mark.long) for name in LONG_ONES)]
)
def test_both_analyses_agree_on_every_figure_of_a_shipped_campaign(
    name: str, tmp_path: Path
) -> None:
    done, told, run = simulated(name, tmp_path)
    assert told["invalid"] == []
    assert summary.compare(run, told) == []
    if name in PASSING:
        meets(done, told)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.parent.name for path in RUNS.glob("*/plan.json")))
def test_both_analyses_agree_on_every_figure_of_a_recorded_run(name: str, tmp_path: Path) -> None:
    run = tmp_path / name
    shutil.copytree(RUNS / name, run)
    told = json.loads(json.dumps(build.build(run, lambda _: None)))
    assert told["invalid"] == []
    assert summary.compare(run, told) == []


def test_the_second_analysis_uses_nothing_of_the_first() -> None:
    nodes = [node for path in FOLDER.glob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    imported = [n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)]
    imported += [alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names]
    assert len(imported) > 5
    assert [name for name in imported if name.split(".")[0] in ("metrics", "node", "harness")] == []


def test_a_figure_that_nobody_computes_again_is_a_disagreement() -> None:
    told = {"n": 3, "new": {"figure": 1}, "title": "words"}
    assert disagreements(told, {"n": 3}, {"/title": "words"}) == [
        "/new: nobody computes it again: {'figure': 1}"
    ]
    assert disagreements({"n": 3}, {"n": Near(1, 2), "m": 1}, {}) == [
        "/m: missing, the second analysis says 1",
        "/n: 3, the second analysis: Near(low=1, high=2)",
    ]


@pytest.mark.parametrize(
    ("profile", "producers", "turn", "lag"),
    [
        ("eosio", 21, 12, (325, 336)), ("eosio", 4, 12, (37, 48)), ("eosio", 2, 12, (13, 24)),
        ("eosio", 4, 2, (7, 8)), ("bitshares", 4, 1, (2, 4)),
    ],
)  # fmt: skip
def test_the_lag_that_the_rules_predict_is_that_of_the_protocol(
    profile: str, producers: int, turn: int, lag: tuple[int, int]
) -> None:
    assert predicted(profile, producers, turn) == lag
