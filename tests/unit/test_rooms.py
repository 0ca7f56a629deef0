"""Each room imports only what the table allows: the directions of the house, kept by a test.

A red test here means: find the better cut. The table is an allow-list over the syntax tree of
every module.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STDLIB = frozenset(sys.stdlib_module_names)
PURE = frozenset(
    "__future__ abc bisect collections contextlib copy dataclasses enum functools hashlib heapq"
    " itertools math operator re struct types typing".split()
)
"""Standard library modules without a socket, a clock, a thread, a disk or a random source."""

NETWORK = frozenset("asyncio http selectors socket socketserver ssl subprocess urllib".split())


@dataclass(frozen=True)
class Room:
    """What the modules under one prefix may import: standard library modules and packages."""

    stdlib: frozenset[str]
    packages: tuple[str, ...]


HARNESS = (
    "harness faults metrics node.config node.events node.timing.ntp_rules fabric invoke paramiko"
    " ansible_runner nacl jinja2 msgspec pydantic pydantic_core rich typer click yaml zstandard"
).split()
CHAIN_READERS = (*HARNESS, "node.chain", "node.byzantine", "coincurve")

CLOCKS = frozenset("time datetime sched threading".split())
DECIDERS = ("node.network.gossip", "node.local.load", "node.timing.slots", "node.network.sync")
"""Modules of the node's shell that only decide: no socket, clock or disk in them."""

ROOMS: dict[str, Room] = {
    "node.chain": Room(PURE, ("node.chain", "msgspec", "coincurve")),
    "node": Room(STDLIB, ("node", "zmq", "ntplib", "psutil", "msgspec")),
    "faults": Room(STDLIB, ("faults", "msgspec")),
    "metrics": Room(
        STDLIB - NETWORK,
        (
            "metrics",
            "node.events",
            "faults.model",
            "duckdb",
            "zstandard",
            "numpy",
            "jinja2",
            "plotly",
            "msgspec",
            "markupsafe",
        ),
    ),
    "harness": Room(STDLIB, tuple(HARNESS)),
    "harness.bench": Room(STDLIB, (*HARNESS, "coincurve")),
    "harness.fuzz": Room(STDLIB - NETWORK, CHAIN_READERS),
    "harness.genesis": Room(STDLIB - NETWORK, CHAIN_READERS),
    "harness.inspect": Room(STDLIB - NETWORK, CHAIN_READERS),
    "harness.sim": Room(STDLIB - NETWORK - CLOCKS, (*CHAIN_READERS, *DECIDERS)),
    "harness.verify": Room(STDLIB - NETWORK, CHAIN_READERS),
}


def modules() -> list[tuple[str, Path]]:
    """Return (dotted name, path) of every module of the product."""
    found = []
    for room in ("node", "faults", "metrics", "harness"):
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.append((name, path))
    return found


def room_of(module: str) -> str:
    """Return the longest prefix of module that is a room."""
    fits = [name for name in ROOMS if module == name or module.startswith(name + ".")]
    return max(fits, key=len)


def imports(path: Path) -> set[str]:
    """Return the dotted names a file imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the whole name"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def allowed(name: str, room: Room) -> bool:
    """Return whether a room may import the dotted name."""
    if name.split(".")[0] in STDLIB:
        return name.split(".")[0] in room.stdlib
    return any(name == p or name.startswith(p + ".") for p in room.packages)


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: str(value))
def test_a_module_imports_only_what_its_room_may(module: str, path: Path) -> None:
    room = room_of(module)
    wrong = sorted(name for name in imports(path) if not allowed(name, ROOMS[room]))
    assert not wrong, f"{module} (room {room}) may not import {', '.join(wrong)}"


def test_the_node_package_imports_nothing_so_that_metrics_never_loads_sockets() -> None:
    body = ast.parse((ROOT / "node" / "__init__.py").read_text()).body
    assert [type(statement) for statement in body] == [ast.Expr]


def test_the_guard_sees_a_forbidden_import(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("def f():\n    import zmq\n    from time import sleep\n")
    wrong = {name for name in imports(path) if not allowed(name, ROOMS["node.chain"])}
    assert wrong == {"zmq", "time.sleep"}
