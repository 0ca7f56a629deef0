"""What the processes of a host load: a probe outlives its node and must stay small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LOADED = "import sys, node.__main__, node.timing.probe; print(*sys.modules)"


def test_a_probe_loads_no_consensus_and_no_signatures() -> None:
    words = [sys.executable, "-c", LOADED]
    done = subprocess.run(words, check=True, cwd=ROOT, capture_output=True, text=True)
    heavy = {"node.chain.chain", "node.chain.model.block", "node.service", "coincurve"}
    assert heavy & set(done.stdout.split()) == set()
