"""The shape of the house: small files, short functions, documented modules, a known top level."""

from __future__ import annotations

import ast
import functools
import re
import statistics
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES_MAX = 400
FILE_LINES_MEDIAN_MAX = 150
FUNCTION_LINES_MAX = 60
FUNCTION_LINES_P95_MAX = 40
ROOM_FILES_MAX = 16
TOP_FILES_MAX = 5
"""Modules at a package's top are its doors, and what every room stands on."""

TOP = {
    "pyproject.toml", "README.md", "node", "harness", "inventory", "playbooks", "faults", "metrics",
    "tests", "CONTRIBUTING.md", "Makefile", "requirements.lock", ".gitignore", ".ci",
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
Function = ast.FunctionDef | ast.AsyncFunctionDef


@functools.cache
def texts() -> dict[str, str]:
    """Return the text of each file in Python, read by the first test that asks for it."""
    return {name: (ROOT / name).read_text() for name in PYTHON}


@functools.cache
def trees() -> dict[str, ast.Module]:
    """Return the syntax tree of each."""
    return {name: ast.parse(text) for name, text in texts().items()}


def functions_of(tree: ast.AST) -> Iterator[Function]:
    """Yield the functions of a tree, methods and inner ones included."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def lines_of(function: Function) -> int:
    return (function.end_lineno or 0) - function.lineno + 1


def test_nothing_foreign_stands_at_the_top() -> None:
    assert {name.split("/")[0] for name in tracked()} <= TOP


def test_a_file_is_small_and_says_what_it_is_for() -> None:
    assert [n for n in PYTHON if len(texts()[n].splitlines()) > FILE_LINES_MAX] == [], "cut better"
    assert [n for n in PYTHON if texts()[n].strip() and not ast.get_docstring(trees()[n])] == []


def test_a_function_is_short() -> None:
    long = [
        f"{name}: {function.name}"
        for name, tree in trees().items()
        for function in functions_of(tree)
        if lines_of(function) > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_most_files_of_the_product_and_most_functions_are_much_smaller() -> None:
    names = [name for name in PYTHON if name.split("/")[0] in PRODUCT]
    lines = [len(texts()[name].splitlines()) for name in names]
    assert statistics.median(lines) <= FILE_LINES_MEDIAN_MAX
    lengths = sorted(lines_of(f) for name in names for f in functions_of(trees()[name]))
    assert lengths[len(lengths) * 95 // 100] <= FUNCTION_LINES_P95_MAX


def test_a_room_is_small_enough_to_look_over() -> None:
    files = Counter(
        name.rpartition("/")[0]
        for name in PYTHON
        if name.split("/")[0] in PRODUCT and not name.endswith("/__init__.py")
    )
    wide = {room: count for room, count in files.items() if count > ROOM_FILES_MAX}
    tall = {room: files[room] for room in PRODUCT if files[room] > TOP_FILES_MAX}
    assert wide | tall == {}


def test_a_package_says_in_one_sentence_what_happens_there() -> None:
    said = {n: ast.get_docstring(trees()[n]) for n in PYTHON if n.endswith("/__init__.py")}
    assert [name for name, text in said.items() if not text or "\n\n" in text] == []


def test_no_folder_of_tests_is_named_after_a_package() -> None:
    folders = {path.name for path in (ROOT / "tests").rglob("*") if path.is_dir()}
    assert folders.isdisjoint(PRODUCT)


def test_the_lock_file_names_versions_and_hashes_but_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "--hash=sha256:" in text
    assert "://" not in text


NO_SENTENCE = re.compile(r"Return (nothing|when|once|after)\b")


def test_what_acts_is_told_in_the_imperative() -> None:
    found = []
    for name, tree in trees().items():
        for function in functions_of(tree):
            said = ast.get_docstring(function) or ""
            acts = ast.unparse(function.returns or ast.Constant(0)) == "None"
            if NO_SENTENCE.match(said) or (acts and said.startswith("Return")):
                found.append(f"{name}: {function.name}")
    assert found == []


CLOCKS = re.compile(r"time\.(monotonic|perf_counter)(_ns)?\(\)")


def timed_asserts(function: Function) -> list[int]:
    """Return the lines of asserts that something took at most so long.

    Seen is a difference with a monotonic clock, in the assert itself or in a name set in the same
    function, that is compared as smaller. Not seen is one that another function measured. A
    deadline at which a test gives up, and that something took at least so long, are no such thing:
    a busy machine does not break them.
    """
    clocks = {
        name.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and CLOCKS.search(ast.unparse(node.value))
        for name in node.targets
        if isinstance(name, ast.Name)
    }

    def is_span(node: ast.expr) -> bool:
        return any(
            isinstance(part, ast.BinOp)
            and isinstance(part.op, ast.Sub)
            and (CLOCKS.search(ast.unparse(part)) or clocks & set(ast.unparse(part).split()))
            for part in ast.walk(node)
        )

    spans = {
        name.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and is_span(node.value)
        for name in node.targets
        if isinstance(name, ast.Name)
    }

    def is_timed(node: ast.AST) -> bool:
        if not isinstance(node, ast.Compare):
            return False
        sides = [node.left, *node.comparators]
        return any(
            is_span(smaller) or (isinstance(smaller, ast.Name) and smaller.id in spans)
            for smaller, order, greater in zip(sides, node.ops, sides[1:], strict=False)
            for smaller in [smaller if isinstance(order, ast.Lt | ast.LtE) else greater]
            if isinstance(order, ast.Lt | ast.LtE | ast.Gt | ast.GtE)
        )

    asserts = [node for node in ast.walk(function) if isinstance(node, ast.Assert)]
    return [node.lineno for node in asserts if any(map(is_timed, ast.walk(node.test)))]


def test_no_test_asserts_how_long_something_takes() -> None:
    found = [
        f"{name}:{line}"
        for name, tree in trees().items()
        if name.startswith("tests/") and CLOCKS.search(texts()[name])
        for function in functions_of(tree)
        for line in timed_asserts(function)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ("assert time.monotonic() - start < 2", [2]),
        ("took = time.monotonic() - start\n assert 2 >= took", [3]),
        ("end = time.perf_counter()\n assert end - start <= 2", [3]),
        ("assert time.monotonic() - start >= 2", []),
        ("assert time.monotonic() < deadline", []),
    ],
)
def test_the_guard_sees_an_assert_of_a_time(body: str, seen: list[int]) -> None:
    (function,) = functions_of(ast.parse(f"def f():\n {body}\n"))
    assert timed_asserts(function) == seen
