"""Runs a bench, on the code of this checkout or of another, whatever module of this room it is."""

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import msgspec

from harness.bench.row import Row
from harness.errors import OperatorError, RunError

FAILED = "failed"
"""What a row tells that stands for a bench without figures."""
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
    """Return the rows of a bench, or one that says why there are none.

    Its module may have `skipped`, which says why it cannot be run on this machine.
    """
    found = import_module(f"harness.bench.{module}")
    if reason := getattr(found, "skipped", str)():
        return [Row(bench=name, what="skipped", skipped=reason)]
    try:
        rows: list[Row] = found.rows()
    except (OperatorError, RunError) as error:
        return [Row(bench=name, what=FAILED, skipped=str(error))]
    return rows


def there(name: str, module: str, tree: Path) -> list[Row]:
    """Return the rows of a bench on the code of another checkout, or one that says why not."""
    words = (sys.executable, "-c", THERE, str(HERE), name, module)
    env = {**os.environ, "PYTHONPATH": str(tree.resolve())}
    done = subprocess.run(words, cwd=tree, env=env, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        return [Row(bench=name, what=FAILED, skipped=f"cannot be run on the code of {tree}")]
    return msgspec.json.decode(done.stdout, type=list[Row])


def beside(rows: Sequence[Row], others: Sequence[Row]) -> list[Row]:
    """Return the rows with the values that the same ones of other code have, and its failure."""
    before = {row.what: row.value for row in others}
    found = [msgspec.structs.replace(row, before=before.get(row.what)) for row in rows]
    return [*found, *(row for row in others if row.what == FAILED)]
