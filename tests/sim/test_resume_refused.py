"""What a run goes on with, and what it refuses: other campaigns, plans, code, labs and hands."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from harness.__main__ import app
from harness.controller import store
from harness.controller.store import RunFolder
from harness.errors import LockError, StoreError, UsageError

pytestmark = pytest.mark.slow

CAMPAIGN = """
schema: slotlab.campaign/v1
title: two cells
seed: 12
chain: {producers: 3, slot: 500ms, blocks_per_turn: 1}
load: {rate: "${rate}"}
trials: {repeat: 1}
warmup: 1s
cooldown: 2s
matrix: {rate: [1/s, 2/s]}
"""


def slotlab(*words: str) -> Result:
    return CliRunner().invoke(app, [*words])


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a campaign and a finished run of it."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "two.yml").write_text(CAMPAIGN)
    done = slotlab("run", str(folder / "two.yml"), "--lab", "sim", "--runs", str(folder / "runs"))
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    """Return the folder of a copy of that run."""
    copy = shutil.copytree(original / "runs", tmp_path / "runs", symlinks=True)
    return (copy / "two" / "latest").resolve()


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def edited(path: Path, edit: Callable[[Any], object]) -> None:
    value = json.loads(path.read_text())
    edit(value)
    path.write_text(json.dumps(value))


def _plan(run: Path) -> list[str]:
    edited(run / "plan.json", lambda plan: plan.update(warmup_ns=plan["warmup_ns"] + 500_000_000))
    return []


def _campaign(run: Path) -> list[str]:
    path = run / "campaign.yml"
    path.write_text(path.read_text().replace("cooldown: 2s", "cooldown: 3s"))
    return ["--add-repeats", "1"]


def _code(run: Path) -> list[str]:
    edited(run / "provenance.json", lambda source: source["code"].update({"node": "0" * 16}))
    return ["--add-repeats", "1"]


def _other_campaign(run: Path) -> list[str]:
    other = run.parents[1] / "other.yml"
    other.write_text(CAMPAIGN.replace("seed: 12", "seed: 13"))
    return [str(other)]


REFUSED = [
    (_plan, "plan.json was changed: trial 1 was run as planned otherwise"),
    (_campaign, "it would be planned otherwise now (end_ns, trials)"),
    (_code, "node is not the code that made its trials"),
    (_other_campaign, "is not its campaign.yml"),
    (lambda _: ["--seed", "13"], "--seed 13 is not its seed 12"),
    (lambda _: ["--add-repeats", "1", "-i", "rack.yml"], "it is a run in lab sim"),
]


@pytest.mark.parametrize(("change", "says"), REFUSED)
def test_what_could_not_be_compared_is_refused_and_nothing_is_touched(
    run: Path, change: Callable[[Path], list[str]], says: str
) -> None:
    words = change(run)
    before = tree(run)
    done = slotlab("run", *words, "--resume", str(run))
    assert isinstance(done.exception, UsageError)
    line = str(done.exception)
    assert says in line
    assert "could not be compared; go on with the campaign, hosts and code" in line
    assert line.endswith("that it was begun with, or begin a new run")
    assert tree(run) == before


def test_the_campaign_may_be_named_again_and_so_may_its_seed(original: Path, run: Path) -> None:
    words = (str(original / "two.yml"), "--seed", "12", "--lab", "sim")
    done = slotlab("run", *words, "--resume", str(run))
    assert (done.exit_code, "nothing to do: 2 of 2 trial(s)" in done.output) == (0, True)


def test_repeats_are_added_to_a_finished_run_whose_trials_stay(run: Path) -> None:
    before = tree(run / "trials")
    done = slotlab("run", "--resume", str(run), "--add-repeats", "2")
    assert done.exit_code == 0, done.output
    after = tree(run / "trials")
    assert {name: after[name] for name in before} == before
    summary = json.loads((run / "summary.json").read_text())
    told = [[trial["n"] for trial in cell["trials"]] for cell in summary["cells"]]
    assert sorted(n for cell in told for n in cell) == [1, 2, 3, 4, 5, 6]
    assert [len(cell) for cell in told] == [3, 3]
    assert "nothing to do: 6 of 6" in slotlab("run", "--resume", str(run)).output


def test_a_run_is_continued_trial_by_trial_as_asked_for(original: Path, run: Path) -> None:
    whole = tree(run / "trials")
    for n in (1, 2):
        shutil.rmtree(run / "trials" / str(n))
    done = slotlab("run", "--resume", str(run), "--only", "rate=2/s")
    assert done.exit_code == 3, done.output
    assert "was never run" in done.output
    (kept,) = [path.name for path in (run / "trials").iterdir()]
    assert "nothing to do: 1 of 1 trial(s)" in slotlab(
        "run", "--resume", str(run), "--only", f"trial {kept}"
    ).output  # fmt: skip
    done = slotlab("run", "--resume", str(run))
    assert done.exit_code == 0, done.output
    assert tree(run / "trials") == whole


def test_a_run_of_another_process_is_left_to_it(run: Path) -> None:
    shutil.rmtree(run / "trials" / "2")
    before = tree(run)
    with RunFolder(run).held():
        done = slotlab("run", "--resume", str(run))
    assert isinstance(done.exception, LockError)
    assert str(done.exception) == f"{run}: another process is running it; wait"
    assert tree(run) == before


def test_what_was_collected_stays_when_the_disk_is_full_and_the_run_goes_on_with_room(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tree(run / "trials")
    shutil.rmtree(run / "trials" / "2")
    with monkeypatch.context() as patched:
        patched.setattr(store, "SPARE_BYTES", 10**18)
        done = slotlab("run", "--resume", str(run))
    assert isinstance(done.exception, StoreError)
    assert "disk full" in str(done.exception)
    assert (run / "trials" / "1" / "seal.json").exists()
    assert slotlab("run", "--resume", str(run)).exit_code == 0
    assert tree(run / "trials") == whole


def test_repeats_without_a_run_are_a_mistake() -> None:
    done = slotlab("run", "demo", "--lab", "sim", "--add-repeats", "2")
    assert str(done.exception) == "--add-repeats: name the run that gets them with --resume RUN"
    done = slotlab("run")
    assert str(done.exception) == ("run: name a CAMPAIGN, or with --resume the run to go on with")
