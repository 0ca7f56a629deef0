"""Faults render to exactly the commands of the vectors; wrong ones are refused with a reason.

A vector holds a fault as it comes over the wire, what its host can do, and the recipe expected.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from faults.durable.ledger import shell_lines
from faults.host import helper_process
from faults.kinds.registry import FAULTS, decode_fault
from faults.model.fault import (
    Command,
    FaultError,
    HostContext,
    MoveClock,
    RestoreClock,
    SetSkew,
    Step,
)

VECTORS = sorted((Path(__file__).parents[2] / "vectors" / "fault_commands").glob("*.json"))

WORDS = ("off", "on", "freeze", "thaw", "link_down", "link_up", "state")
PROVIDER = {"n1": {word: ("power", "n1", word) for word in WORDS}}


def place(*capabilities: str, deadline_ns: int | None = 9_000_000_000) -> HostContext:
    return HostContext(
        token="ab12cd34",
        run_dir=Path("/run/slotlab"),
        skew_file=Path("/run/slotlab/skew"),
        capabilities=frozenset(capabilities),
        deadline_ns=deadline_ns,
        queue_num=20_000,
        python_path="/opt/slotlab/current",
        provider=PROVIDER,
    )


def plain(step: Step) -> dict[str, Any]:
    match step:
        case Command(words, may_fail, stdin):
            return {"words": list(words), "may_fail": may_fail, "stdin": stdin.splitlines()}
        case SetSkew(path, offset_ns, drift_ppb):
            return {"skew": str(path), "offset_ns": offset_ns, "drift_ppb": drift_ppb}
        case MoveClock(marker, by_ns, by_ppb):
            return {"move_clock": str(marker), "by_ns": by_ns, "by_ppb": by_ppb}
        case RestoreClock(marker):
            return {"restore_clock": str(marker)}


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_a_fault_renders_to_the_commands_of_its_vector(path: Path) -> None:
    vector = json.loads(path.read_text())
    here = place(*vector["capabilities"])
    fault = decode_fault(json.dumps(vector["fault"]).encode())
    fault.check(here)
    recipe = fault.recipe(here)
    stages = {
        stage: [plain(step) for step in getattr(recipe, stage)]
        for stage in ("prepare", "inject", "release", "remove")
    }
    assert {"how": recipe.how, **stages} == vector["recipe"]


def test_what_starts_a_python_of_its_own_is_awaited_and_nothing_else_is() -> None:
    awaited = set()
    for path in VECTORS:
        vector = json.loads(path.read_text())
        fault = decode_fault(json.dumps(vector["fault"]).encode())
        if helper_process.is_awaited(fault.recipe(place(*vector["capabilities"])).prepare):
            awaited.add(path.stem)
    assert awaited == {path.stem for path in VECTORS if "until_boottime_ns" in path.read_text()}


def test_every_kind_of_fault_has_a_vector() -> None:
    kinds = {json.loads(path.read_text())["fault"]["fault"] for path in VECTORS}
    assert kinds == set(FAULTS)


def test_a_power_fault_is_refused_where_the_provider_lacks_a_command() -> None:
    wire = {"id": "l", "fault": "link_down", "at_ns": 0, "for_ns": 1, "host": "n2"}
    fault = decode_fault(json.dumps(wire).encode())
    with pytest.raises(FaultError, match="no_power: n2: slotlab_power has no link_down"):
        fault.check(place("provider"))
    with pytest.raises(FaultError, match="unsupported: this host has no working provider"):
        fault.check(place("nft"))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"fault": "earthquake"}, "earthquake"),
        ({"node_port": 0}, "node_port"),
        ({"id": "; reboot"}, "id"),
        ({"for_ns": -1}, "for_ns"),
        ({"blocked_in": ["10.0.0.1; drop"]}, "10.0.0.1; drop"),
        ({"surprise": 1}, "surprise"),
        ({"at_ns": "soon"}, "at_ns"),
    ],
)
def test_a_wrong_partition_is_refused_naming_what_is_wrong(
    change: dict[str, object], word: str
) -> None:
    wire: dict[str, object] = {
        "id": "p", "fault": "partition", "at_ns": 0, "for_ns": 1, "blocked_in": [],
        "blocked_out": [], "node_port": 9000,
    }  # fmt: skip
    decode_fault(json.dumps(wire).encode())
    with pytest.raises(FaultError, match=word) as caught:
        decode_fault(json.dumps(wire | change).encode())
    assert caught.value.reason == "bad_fault"


@pytest.mark.parametrize("unit", ["ssh.service", "slotlab-agent.service", "../x"])
def test_only_our_own_units_can_be_killed(unit: str) -> None:
    wire = {"id": "k", "fault": "kill", "at_ns": 0, "unit": unit}
    with pytest.raises(FaultError, match="bad_fault"):
        decode_fault(json.dumps(wire).encode())


def test_a_fault_is_refused_where_the_feature_is_missing() -> None:
    kill = decode_fault(b'{"id":"k","fault":"kill","at_ns":0,"unit":"slotlab-node.service"}')
    with pytest.raises(FaultError, match="unsupported: this host has no working systemd"):
        kill.check(place("nft"))


def test_the_undo_script_quotes_every_word_and_forgives_only_what_may_fail() -> None:
    steps: tuple[Step, ...] = (
        Command(("echo", "a b; $(rm)"), may_fail=True),
        Command(("true",)),
        SetSkew(Path("/run/s k"), 0, 0),
    )
    assert shell_lines(steps) == [
        "echo 'a b; $(rm)' 2>/dev/null || true",
        "true",
        "head -c 32 /dev/zero | dd of='/run/s k' conv=notrunc status=none || true",
    ]
