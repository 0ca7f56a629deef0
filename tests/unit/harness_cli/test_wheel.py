"""A wheel, installed outside the clone, plans, simulates and reports; what needs the clone says so.

It is built as anybody would, from a copy, and installed into an environment that sees our
packages but neither our clone nor its editable install; nothing is fetched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.unit.test_shape import PRODUCT, ROOT, tracked

pytestmark = pytest.mark.slow
RACK = """
all: {children: {nodes: {hosts: {
  n1: {ansible_host: 127.0.0.1, ansible_port: 9, slotlab_address: 192.0.2.1}}}}}
"""


@pytest.fixture(scope="module")
def slotlab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the command of a wheel that is installed outside the clone."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in tracked():
        if name.split("/")[0] in (*PRODUCT, "pyproject.toml", "README.md"):
            copy = folder / "source" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    apart = ["--no-index", "--no-deps"]
    venv, wheel = folder / "venv", folder / "slotlab-0.1.0-py3-none-any.whl"
    for words in (
        [*pip, "wheel", *apart, "--no-build-isolation", "--wheel-dir", folder, folder / "source"],
        [sys.executable, "-m", "venv", "--without-pip", venv],
        [*pip, "--python", venv / "bin" / "python", "install", *apart, wheel],
    ):
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    site = next((venv / "lib").glob("python*/site-packages"))
    (site / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv / "bin" / "slotlab"


def ran(slotlab: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [slotlab, *words],
        cwd=folder,
        env={**kept, "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_carries_every_module_and_nothing_of_the_clone_is_imported(
    slotlab: Path, tmp_path: Path
) -> None:
    names = [name for name in tracked() if name.endswith(".py") and name.split("/")[0] in PRODUCT]
    site = next((slotlab.parents[1] / "lib").glob("python*/site-packages"))
    assert [name for name in names if not (site / name).is_file()] == []
    places = "import harness, node; print(harness.__path__[0], node.__path__[0])"
    done = subprocess.run(
        [slotlab.parent / "python", "-c", places], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.split() == [str(site / "harness"), str(site / "node")]


def test_it_plans_runs_in_the_simulator_and_reports(slotlab: Path, tmp_path: Path) -> None:
    assert "Usage: slotlab demo" in ran(slotlab, tmp_path, "demo", "--help").stdout
    for words in (("plan", "smoke", "--lab", "sim"), ("run", "smoke", "--lab", "sim")):
        done = ran(slotlab, tmp_path, *words)
        assert (done.returncode, done.stderr) == (0, ""), words
    run = tmp_path / "runs" / "smoke" / "latest"
    for made in ("report.html", "summary.json"):
        (run / made).unlink()
    done = ran(slotlab, tmp_path, "report", str(run))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((run / "summary.json").read_text())["verdict"] == "pass"
    assert "<html" in (run / "report.html").read_text()


@pytest.mark.parametrize("command", ["demo", "deploy", "wipe"])
def test_what_needs_the_clone_says_so(slotlab: Path, tmp_path: Path, command: str) -> None:
    (tmp_path / "rack.yml").write_text(RACK)
    words = [command] if command == "demo" else [command, "-i", "rack.yml"]
    done = ran(slotlab, tmp_path, *words)
    site = next((slotlab.parents[1] / "lib").glob("python*/site-packages"))
    needs = (
        f"slotlab: {command}: needs the clone (its playbooks and requirements.lock), and this is an"
    )
    assert done.stderr == f"{needs} installed wheel in {site}: run it from a clone\n"
    assert done.returncode == 2
