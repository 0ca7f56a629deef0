"""Each room imports only what the tables allow: the directions of the house, kept by a test.

A red test here means: find the better cut. ROOMS says what a package may import of others, ORDER
which room of a package may import which; both are read against the syntax tree of every module,
imports inside functions and for types only included.
"""

from __future__ import annotations

import ast
import functools
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
    "harness faults metrics node.config node.events node.timing.ntp_rules fabric"
    " invoke paramiko ansible_runner nacl jinja2 msgspec pydantic pydantic_core rich typer click"
    " yaml zstandard"
).split()
CHAIN_READERS = (*HARNESS, "node.chain", "node.byzantine", "coincurve")

CLOCKS = frozenset("time datetime sched threading".split())
DECIDERS = (
    "node.network.gossip", "node.network.sync_rules", "node.local.load", "node.local.closed_loop",
    "node.local.mixed",
    "node.timing.slots",
    "node.timing.health",
    "node.timing.probe_frame",
)  # fmt: skip
"""Modules of the node's shell that only decide: no socket, clock or disk in them."""

ROOMS: dict[str, Room] = {
    "node.chain": Room(PURE, ("node.chain", "node.events", "msgspec", "coincurve")),
    "node.events.load_shape": Room(PURE, ("msgspec",)),
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
            "matplotlib",
            "plotly",
            "msgspec",
            "markupsafe",
        ),
    ),
    "harness": Room(STDLIB, tuple(HARNESS)),
    "harness.watch": Room(STDLIB, (*HARNESS, "prometheus_client")),
    "harness.bench": Room(STDLIB, (*HARNESS, "coincurve", "zmq")),
    "harness.fuzz": Room(STDLIB - NETWORK, CHAIN_READERS),
    "harness.campaign.act_spec": Room(
        STDLIB - NETWORK,
        (
            *HARNESS,
            "node.chain.profiles",
            "node.chain.encoding.written",
            "node.chain.model.operation",
        ),
    ),
    "harness.campaign.rules_spec": Room(STDLIB - NETWORK, (*HARNESS, "node.chain.model")),
    "harness.campaign.chain_spec": Room(
        STDLIB - NETWORK, (*HARNESS, "node.chain.profiles", "node.chain.model")
    ),
    "harness.plan.acts": Room(STDLIB - NETWORK, CHAIN_READERS),
    "harness.plan.consensus": Room(STDLIB - NETWORK, CHAIN_READERS),
    "harness.plan.genesis": Room(STDLIB - NETWORK, CHAIN_READERS),
    "harness.inspect": Room(STDLIB - NETWORK, CHAIN_READERS),
    "harness.sim": Room(STDLIB - NETWORK - CLOCKS, (*CHAIN_READERS, *DECIDERS, "numpy")),
}

ORDER: dict[str, tuple[str, ...]] = {
    "node": (
        "__main__",
        "service",
        "local",
        "network",
        "timing",
        "storage",
        "byzantine",
        "chain",
        "config",
        "events",
    ),
    "node.chain": (
        "profiles",
        "eosio bitshares",
        ".",
        "ledger",
        "profile",
        "genesis",
        "model",
        "state encoding",
    ),
    "node.chain.eosio": ("profile", "codec", "block_text", "transactions", "contracts", "."),
    "node.chain.eosio.contracts": (
        "contracts",
        "operations",
        "pay",
        "fees",
        "voting",
        "set_producers transfer",
    ),
    "node.chain.bitshares": (
        "profile",
        "codec",
        "block_text",
        "transactions",
        "contracts",
        ".",
        "order words",
    ),
    "node.chain.bitshares.contracts": (
        "contracts",
        "maintenance",
        "operations",
        "hard_forks",
        "raffle",
        "money",
        "committee",
        "voting",
        "transfer",
        "rows",
    ),
    "faults": ("__main__", "agent", "durable kinds", "host", "model"),
    "faults.host": ("clock", "boottime"),
    "faults.kinds": (
        "busy clock disk packets ntp",
        "shaping",
        "table_fault",
        "rules",
        "ended_unit",
    ),
    "metrics": ("build", "report", "results", "safety fault_checks", "measure", "intake", "model"),
    "metrics.intake": (".", "lines"),
    "metrics.fault_checks": ("registry", "clocks links", "."),
    "metrics.measure": ("registry", "confidence delegation hosts stages", "."),
    "metrics.report": (".", "durations of_trial", "charts", "fault_text governance in_order"),
    "metrics.results": ("trials", "written", "."),
    "harness.bench": (".", "rig"),
    "harness.bundle": ("bundle", "archive redaction"),
    "harness.cli": (".", "tables"),
    "harness": (
        "__main__",
        "cli",
        "bench bundle fuzz unattended",
        "watch",
        "orchestrator",
        "sim inspect",
        "preflight",
        "deploy",
        "testbed",
        "plan",
        "campaign",
        "labs",
        "remote",
        "inventory",
        "controller",
        "notation",
        "errors",
    ),
    "harness.labs": ("lifecycle", "vm", "container", "image", "."),
    "harness.sim": ("network", "host", "cache"),
}
"""The rooms of each package (folders, and modules at its top), from the doors down to the ground.

A room imports itself and what stands on lines below its own. "." are the modules at the package's
own top; where it is not named, a module at the top that is not named is a door: above all rooms.
"""

DOORS = "the doors"


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


@functools.cache
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


@functools.cache
def import_graph() -> dict[str, set[str]]:
    """Return, for each module of the product, the modules of the product that it imports."""
    names = {name for name, _ in modules()}
    graph: dict[str, set[str]] = {}
    for module, path in modules():
        graph[module] = {owner(name, names) for name in imports(path)} - {module, ""}
    return graph


def owner(name: str, names: set[str]) -> str:
    """Return the module that a dotted name is or is in, empty where it is none of ours."""
    while name and name not in names:
        name = name.rpartition(".")[0]
    return name


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return the groups of modules in which each reaches each other one."""
    reached = {name: reachable(graph, name) for name in graph}
    groups = [{n for n in reached[name] if name in reached[n]} for name in sorted(graph)]
    return [group for n, group in enumerate(groups) if group and group not in groups[:n]]


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    """Return the modules that start imports, and those that they import, and so on."""
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += graph[name]
    return found


def wrong_arrows(package: str, graph: dict[str, set[str]]) -> dict[tuple[str, str, str], str]:
    """Return each arrow of the package that does not go down, with an import that makes it."""
    levels = {room: n for n, line in enumerate(ORDER[package]) for room in line.split()}

    def place(module: str) -> str:
        room = module.removeprefix(package + ".").split(".")[0]
        return room if room in levels else "." if "." in levels else DOORS

    inside = {name for name in graph if name.startswith(package + ".")}
    found = {}
    for module in sorted(inside):
        for target in sorted(graph[module] & inside):
            room, other = place(module), place(target)
            if room not in (other, DOORS) and levels.get(other, -1) <= levels[room]:
                found[package, room, other] = f"{module} imports {target}"
    return found


def allowed(name: str, room: Room) -> bool:
    """Return whether a room may import the dotted name."""
    if name.split(".")[0] in STDLIB:
        return name.split(".")[0] in room.stdlib
    return any(name == p or name.startswith(p + ".") for p in room.packages)


@pytest.mark.parametrize("room", ROOMS)
def test_a_module_imports_only_what_its_room_may(room: str) -> None:
    wrong = {
        module: names
        for module, path in modules()
        if room_of(module) == room
        and (names := sorted(name for name in imports(path) if not allowed(name, ROOMS[room])))
    }
    assert wrong == {}


@pytest.mark.parametrize("package", ORDER)
def test_arrows_in_a_package_go_down_only(package: str) -> None:
    found = wrong_arrows(package, import_graph())
    assert found == {}


def test_every_room_has_its_place_in_an_order() -> None:
    rooms = {name.rpartition(".") for name, path in modules() if path.name == "__init__.py"}
    placed = {
        (package, room)
        for package, lines in ORDER.items()
        for line in lines
        for room in line.split()
    }
    assert [f"{p}.{room}" for p, _, room in sorted(rooms) if p and (p, room) not in placed] == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(import_graph()) == []


def test_the_node_package_imports_nothing_so_that_metrics_never_loads_sockets() -> None:
    body = ast.parse((ROOT / "node" / "__init__.py").read_text()).body
    assert [type(statement) for statement in body] == [ast.Expr]


def test_the_guard_sees_a_forbidden_import(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("def f():\n    import zmq\n    from time import sleep\n")
    wrong = {name for name in imports(path) if not allowed(name, ROOMS["node.chain"])}
    assert wrong == {"zmq", "time.sleep"}


def test_the_guard_sees_an_arrow_that_points_up() -> None:
    graph = {
        "metrics.build": {"metrics.report.page"},
        "metrics.report.page": {"metrics.intake.reader"},
        "metrics.intake.reader": {"metrics.report.page"},
    }
    assert wrong_arrows("metrics", graph) == {
        ("metrics", "intake", "report"): "metrics.intake.reader imports metrics.report.page"
    }


def test_the_guard_sees_a_circle_once_and_no_line_that_only_leads_to_it() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set[str]()}
    assert circles(graph) == [{"b", "c"}]
