"""The recorded runs themselves: they pass, twice to the same bytes, and hold nothing private."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from metrics.build import build
from tests.unit.metrics_bends.files import packed, raw
from tests.unit.metrics_bends.folder import RUNS, Folder, copy
from tests.unit.metrics_bends.records import Bend, edited, lost, nothing
from tests.unit.metrics_bends.row import Summary

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
PRIVATE = (b"/home/", b"/root/", b"/tmp/", str(ROOT).encode(), b"BEGIN ")
ACCUSING = edited("n4", "irreversible", lambda x: {"id": "f" * 64}, after=9, count=1)


@pytest.mark.parametrize("name", ["lab", "sim"])
def test_a_recorded_run_passes(name: str, clean: Callable[[str], Summary]) -> None:
    summary = clean(name)
    assert (summary["verdict"], summary["invalid"], summary["notes"]) == ("pass", [], [])
    assert {fault["state"] for fault in summary["faults"]} == {"installed"}
    verdicts = {check["name"]: check["verdict"] for check in summary["checks"]}
    # It was recorded before nodes told what there is: what they did not tell is not known.
    assert verdicts.pop("supply_conserved") == "unknown"
    assert set(verdicts.values()) == {"holds"}


@pytest.mark.parametrize("name", ["lab", "sim"])
def test_a_rebuilt_run_is_the_same_bytes(name: str, tmp_path: Path) -> None:
    folder = copy(name, tmp_path / "run")
    made = []
    for _ in range(2):
        build(folder.path, lambda text: None)
        made.append({p: p.read_bytes() for p in folder.path.rglob("*") if p.is_file()})
    assert made[0] == made[1]


@pytest.mark.parametrize("name", ["lab", "sim"])
def test_a_recorded_run_is_small_and_names_no_machine(name: str) -> None:
    paths = [path for path in (RUNS / name).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in paths) < 420_000
    folder = Folder(RUNS / name)
    texts = [path.read_bytes() for path in paths if path.suffix != ".zst"]
    texts += [folder.text(host) for host in folder.hosts]
    assert [word for word in PRIVATE for text in texts if word in text] == []


STATUS: dict[str, tuple[Bend, int]] = {
    "a clean run": (nothing, 0),
    "a chain that conflicts": (ACCUSING, 1),
    "a run folder without a plan": (lambda folder: (folder.path / "plan.json").unlink(), 2),
    "half a plan": (raw("plan.json", lambda x: x[: len(x) // 2]), 3),
    "a damaged archive": (packed("n2", lambda raw: raw[: len(raw) // 2]), 3),
    "a node that died": (lost("n1", after=10), 3),
}


@pytest.mark.parametrize("what", STATUS)
def test_the_exit_status_tells_the_verdict(what: str, tmp_path: Path) -> None:
    bend, status = STATUS[what]
    folder = copy("lab", tmp_path / "run")
    bend(folder)
    words = [sys.executable, "-m", "harness", "report", str(folder.path)]
    done = subprocess.run(words, cwd=RUNS.parents[2], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr
