"""The JSON Schema tells editors what each key is, and takes all that the language takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from harness.campaign import schema

SCHEMA = json.loads(schema.json_schema())


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
