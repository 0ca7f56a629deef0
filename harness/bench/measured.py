"""Runs a bench, on the code of this checkout or of another, whatever module of this room it is."""

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import msgspec

from harness.bench.row import Row
from harness.errors import RunError

HERE = Path(__file__).resolve().parent
THERE = """
import sys, harness.bench
harness.bench.__path__[:] = [sys.argv[1]]
from harness.bench import measured
import msgspec
sys.stdout.buffer.write(msgspec.json.encode(measured.here(*sys.argv[2:])))
"""
"""All is imported from the other checkout but the room of benches: both are measured alike."""


def here(name: str, module: str) -> list[Row]:
    """Return the rows of a bench; where its `skipped` says why it cannot be run here, that."""
    found = import_module(f"harness.bench.{module}")
    if reason := getattr(found, "skipped", str)():
        return [Row(bench=name, what="skipped", skipped=reason)]
    rows: list[Row] = found.rows()
    return rows


def there(name: str, module: str, tree: Path) -> list[Row]:
    """Return the rows of a bench that runs on the code of another checkout.

    Raises:
        RunError: it fails there.
    """
    words = (sys.executable, "-c", THERE, str(HERE), name, module)
    env = {**os.environ, "PYTHONPATH": str(tree.resolve())}
    done = subprocess.run(words, cwd=tree, env=env, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise RunError(f"bench: {name} cannot be measured on the code of {tree}")
    return msgspec.json.decode(done.stdout, type=list[Row])


def beside(rows: Sequence[Row], others: Sequence[Row]) -> list[Row]:
    """Return the rows with the values that the same ones of other code have."""
    before = {row.what: row.value for row in others}
    return [msgspec.structs.replace(row, before=before.get(row.what)) for row in rows]
