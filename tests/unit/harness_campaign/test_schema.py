"""The JSON Schema tells editors what each key is, and takes all that the language takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from harness.campaign import schema
from harness.campaign.campaign_file import CampaignLoader
from harness.controller.state_dir import CAMPAIGNS
from harness.notation.yaml_strict import parse_yaml

SCHEMA = json.loads(schema.json_schema())
VALIDATE = fastjsonschema.compile(SCHEMA, use_default=False)


def keys(whole: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each key of each map that the schema describes, with what it says of it."""
    for name, part in whole.items() if isinstance(whole, dict) else enumerate(whole):
        if name == "properties":
            yield from ((f"{where}.{key}", said) for key, said in part.items())
        if isinstance(part, dict | list):
            yield from keys(part, f"{where}.{name}")


def ways(said: dict[str, Any]) -> list[dict[str, Any]]:
    return list(said.get("anyOf", [said]))


def test_every_key_says_what_it_is() -> None:
    assert [where for where, said in keys(SCHEMA) if not said.get("description")] == []


def test_every_default_is_written_as_its_key_is() -> None:
    given = {
        where: (said["default"], [way["pattern"] for way in ways(said) if "pattern" in way], said)
        for where, said in keys(SCHEMA)
        if said.get("default") is not None
    }
    assert len(given) > 50
    for where, (default, patterns, said) in given.items():
        words = [way["const"] for way in ways(said) if "const" in way]
        assert not patterns or default in words or re.search(patterns[0], str(default)), where


def test_a_value_of_the_matrix_may_stand_for_each_value_that_may_vary() -> None:
    variable, text = {"$ref": "#/$defs/Variable"}, {"type": "string"}
    fixed = ("Range", "TrialsSpec", "SafetySpec", "WorseSpec")
    for where, said in keys(SCHEMA["$defs"]):
        _, model, key = where.replace(".properties", "").split(".")[:3]
        about = ("default", "description")
        bare = [{part: way[part] for part in way if part not in about} for way in ways(said)]
        if model not in fixed and key not in ("fault", "act"):
            assert variable in bare or text in bare, where
    entries, whole = ways(SCHEMA["properties"]["timeline"])
    assert whole == variable
    assert variable in ways(entries["items"])


def test_what_begins_with_x_may_stand_anywhere() -> None:
    closed = [
        each for each in SCHEMA["$defs"].values() if each.get("additionalProperties") is False
    ]
    assert len(closed) > 20
    assert all(each["patternProperties"] == {"^x-": {}} for each in [SCHEMA, *closed])


MATRIX = """
schema: slotlab.campaign/v1
title: what may vary
x-note: nobody reads this
matrix:
  net: [{delay: 0ms, on: n1}, {delay: 50ms, on: [n1, n2]}]
  slot: {from: 500ms, to: 1s, factor: 2}
chain: {slot: "${slot}", producers: "${n}"}
load: {rate: "${rate}", size: 256B}
timeline:
  - {at: 20s, for: 5s, fault: delay, delay: "${net.delay}", x-why: a sweep}
  - {at: 20s, for: 5s, fault: pause, on: "${net.on}"}
  - {at: "${when}", act: transfer, by: usera, recipient: userb, amount: 1}
"""


def valid(text: str) -> bool:
    """Return whether an editor would take a campaign for one."""
    try:
        VALIDATE(parse_yaml(text, CampaignLoader))
    except fastjsonschema.JsonSchemaException:
        return False
    return True


@pytest.mark.parametrize("path", sorted(CAMPAIGNS.glob("*.yml")), ids=lambda path: path.stem)
def test_the_campaigns_that_ship_are_valid(path: Path) -> None:
    assert valid(path.read_text())


@pytest.mark.parametrize(
    ("old", "new", "fits"),
    [
        ("title", "title", True),
        ("title", "titel", False),
        ("256B", "256", False),
        ('at: 20s, for: 5s, fault: delay, delay: "${net.delay}"', "fault: delay", False),
        ("fault: pause", "fault: pose", False),
        ("factor: 2", "factor: fast", False),
        ("x-why", "why", False),
    ],
)
def test_values_of_the_matrix_fit_and_mistakes_do_not(old: str, new: str, fits: bool) -> None:
    assert valid(MATRIX.replace(old, new)) == fits
