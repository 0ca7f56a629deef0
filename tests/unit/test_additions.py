"""What an addition costs: one of each is added to a copy, works there, and its files are counted.

CONTRIBUTING.md tells the same steps in words.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_shape import PRODUCT, ROOT, tracked

pytestmark = pytest.mark.slow


@dataclass
class Copy:
    """A copy of the product; changed: its files that an addition made or changed."""

    root: Path
    changed: list[str] = field(default_factory=list)

    def add(self, name: str, text: str) -> None:
        """Write a new file."""
        assert not (self.root / name).exists(), name
        (self.root / name).write_text(text)
        self.changed.append(name)

    def insert(self, name: str, before: str, line: str) -> None:
        """Insert a line before the only one that begins so."""
        lines = (self.root / name).read_text().splitlines(keepends=True)
        (place,) = [n for n, text in enumerate(lines) if text.startswith(before)]
        (self.root / name).write_text("".join([*lines[:place], line + "\n", *lines[place:]]))
        self.changed.append(name)

    def slotlab(self, *words: str) -> str:
        """Return what a command of the copy printed; it must end well."""
        done = subprocess.run(
            [sys.executable, "-m", "harness", *words],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root), "COLUMNS": "250"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run(self, campaign: str) -> dict[str, Any]:
        """Return the summary of a campaign that was planned, then run in the simulator."""
        (self.root / "added.yml").write_text(campaign)
        self.slotlab("plan", "added.yml", "--lab", "sim")
        self.slotlab("run", "added.yml", "--lab", "sim")
        found: dict[str, Any] = json.loads((self.report / "summary.json").read_text())
        return found

    @property
    def report(self) -> Path:
        """Return the folder of the newest run."""
        return self.root / "runs" / "added" / "latest"


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """Return a copy of the product's files."""
    for name in tracked():
        if name.split("/")[0] in PRODUCT:
            place = tmp_path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place)
    return Copy(tmp_path)


CAMPAIGN = """
schema: slotlab.campaign/v1
title: an addition
seed: 1
chain: {profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 2}
warmup: 10s
cooldown: 10s
"""

METRIC = '''\
"""How many blocks each producer has in the chain."""

from __future__ import annotations

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.metric import Columns, Expected, Figures, Metric, Pool
from metrics.model.method import Method


def measure(data: TrialData, chain: ChainView) -> int:
    """Return how many blocks there are."""
    return len(data.events("produced", "num"))


def pool(over: Pool[int]) -> Figures:
    """Return the `harvest` part of M."""
    return {"harvest": {"blocks": sum(found for _, found in over.trials)}}


METRIC = Metric(
    measure=measure,
    pool=pool,
    methods=(
        Method(
            name="Harvest", figures=("harvest.blocks",), formula="Blocks told as produced.",
            left_out="Nothing.", assumes="Each maker tells its blocks.",
        ),
    ),
    place=9,
    expected=(Expected("harvest.blocks"),),
    columns=Columns(heads="<th>harvested</th>", cells="<td>{{ m.harvest.blocks }}</td>"),
)
'''


def test_a_metric_is_one_module_and_its_name_in_the_registry(copy: Copy) -> None:
    copy.add("metrics/measure/harvest.py", METRIC)
    copy.insert("metrics/measure/registry.py", "    irreversible,", "    harvest,")
    copy.insert("metrics/measure/registry.py", "    irreversible.METRIC,", "    harvest.METRIC,")
    found = copy.run(CAMPAIGN + "expect: {baseline: {harvest.blocks: {min: 10}}}\n")
    assert set(copy.changed) == {"metrics/measure/harvest.py", "metrics/measure/registry.py"}
    assert found["metrics"]["harvest"]["blocks"] > 10
    (check,) = [check for check in found["checks"] if "harvest" in check["name"]]
    assert check["verdict"] == "holds"
    page = (copy.report / "report.html").read_text()
    assert "<th>harvested</th>" in page
    assert "Blocks told as produced." in page


ROW = '    Kind(word="doze", said="doze", victim="still", leaves_rest_whole=True),'
SHAPE = '''\
class DozeFault(_Lasting):
    """A node does nothing for a while; what arrives meanwhile waits."""

    fault: Literal["doze"]
    on: Selector

'''
EFFECT = '        case "doze":\n            return world.pause, world.resume'
DOZES = """\
expect: {always: [no_double_sign]}
timeline:
  - {at: 20s, for: 5s, fault: doze, on: n2}
"""


def test_a_kind_of_fault_is_its_row_its_shape_and_its_effect(copy: Copy) -> None:
    copy.insert("faults/model/kind.py", '    Kind(word="duplicate"', ROW)
    copy.insert("harness/campaign/fault_spec.py", "class PauseFault(", SHAPE)
    copy.insert("harness/campaign/fault_spec.py", "    | PauseFault", "    | DozeFault")
    copy.insert("harness/sim/faults.py", '        case "silent":', EFFECT)
    found = copy.run(CAMPAIGN + DOZES)
    assert len(set(copy.changed)) <= 4
    (fault,) = found["faults"]
    assert (fault["fault"], fault["state"], found["verdict"]) == ("doze", "installed", "pass")
    assert found["cells"][0]["phases"]["doze-1"]["slots"]["by_producer"]["producerb"]["missed"] > 0
    assert "doze" in (copy.report / "report.html").read_text()
    said = copy.slotlab("plan", "added.yml", "--lab", "sim")
    assert "doze" in said
