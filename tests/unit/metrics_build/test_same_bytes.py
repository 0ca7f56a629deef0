"""The same raw files give the same bytes, whatever the process, its hash seed and the folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.metrics_build import synthetic

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
BUILD = "import sys; from pathlib import Path; from metrics.build import build; "
BUILD += "build(Path(sys.argv[1]), lambda text: None)"


def outputs(run: Path, hash_seed: str) -> dict[str, bytes]:
    """Return every file a fresh process writes below the raw files, by relative path."""
    raw = {path for path in run.rglob("*") if path.is_file()}
    subprocess.run(
        [sys.executable, "-c", BUILD, str(run)],
        check=True, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )  # fmt: skip
    found = {}
    for path in sorted(set(run.rglob("*")) - raw):
        if path.is_file():
            found[str(path.relative_to(run))] = path.read_bytes()
    page = found["report.html"].decode()
    found["report.html"] = re.sub(r'(?s)<section id="provenance">.*?</section>', "", page).encode()
    return found


def test_two_processes_with_different_hash_seeds_write_the_same_bytes(tmp_path: Path) -> None:
    first, second = (
        outputs(synthetic.write(tmp_path / name, synthetic.Story()), seed)
        for name, seed in (("run-a", "0"), ("another-name", "1"))
    )
    assert {"summary.json", "junit.xml", "report.html", "trials/1/faults.jsonl"} <= set(first)
    assert len([name for name in first if name.startswith("tables/")]) > 15
    assert list(first) == list(second)
    assert [name for name in first if first[name] != second[name]] == []
