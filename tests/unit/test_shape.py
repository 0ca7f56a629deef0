"""The shape of the house: small files, short functions, documented modules, a known top level."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
TOP = {
    "pyproject.toml", "README.md", "node", "harness", "inventory", "playbooks", "faults", "metrics",
    "tests", "Makefile", "requirements.lock", ".gitignore", ".ci",
}  # fmt: skip
PRODUCT = ("node", "faults", "metrics", "harness")


def tracked() -> list[str]:
    """Return the files git tracks, or those of the tree where this is no checkout."""
    command = ["git", "ls-files"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0 and done.stdout:
        return [name for name in done.stdout.splitlines() if (ROOT / name).exists()]
    rooms = [ROOT / room for room in (*PRODUCT, "tests")]
    return [str(path.relative_to(ROOT)) for room in rooms for path in room.rglob("*.py")]


PYTHON = [name for name in tracked() if name.endswith(".py")]


def test_nothing_foreign_stands_at_the_top() -> None:
    assert {name.split("/")[0] for name in tracked()} <= TOP


@pytest.mark.parametrize("name", PYTHON)
def test_a_file_is_small_documented_and_made_of_short_functions(name: str) -> None:
    text = (ROOT / name).read_text()
    tree = ast.parse(text)
    assert len(text.splitlines()) <= FILE_LINES_MAX, "find the better cut"
    assert not text.strip() or ast.get_docstring(tree), "say what the module is for"
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    long = [f.name for f in functions if (f.end_lineno or 0) - f.lineno + 1 > FUNCTION_LINES_MAX]
    assert long == []


def test_no_folder_of_tests_is_named_after_a_package() -> None:
    folders = {path.name for path in (ROOT / "tests").rglob("*") if path.is_dir()}
    assert folders.isdisjoint(PRODUCT)


def test_the_lock_file_names_versions_and_hashes_but_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "--hash=sha256:" in text
    assert "://" not in text
