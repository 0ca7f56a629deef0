"""The JSON Schema of campaign files, for editors: what each key is, how it is written, its default.

A default is written as people would, and `${name}` may stand wherever a matrix may vary a value.
"""

import json
from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from harness.campaign.campaign_file import VARYING
from harness.campaign.field_docs import texts_of
from harness.campaign.matrix import VARIABLE
from harness.campaign.model import SCHEMA, Campaign
from harness.campaign.values import NOTATIONS

Part = dict[str, Any]
_VARIABLE = {
    "type": "string",
    "pattern": VARIABLE.pattern,
    "description": "A value of the matrix, by its name.",
}
_WORDS = ("fault", "act")
"""Keys that say what an entry of the timeline is: no matrix varies them."""
_REF = "#/$defs/"
_ID = f"urn:{SCHEMA.replace('/', ':')}"
"""An identifier that nobody takes for an address."""


def json_schema() -> str:
    """Return the schema as pretty text."""
    schema = Campaign.model_json_schema(by_alias=True, schema_generator=_Described)
    schema |= {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": _ID}
    for part in _parts(schema):
        if part.get("additionalProperties") is False:
            part["patternProperties"] = {"^x-": {}}
        if "default" in part:
            part["default"] = _written(part)
    varying = {key: schema["properties"][key] for key in VARYING}
    for name in sorted(_reached(schema["$defs"], varying)):
        _vary(schema["$defs"][name])
    _vary({"properties": varying})
    schema["properties"] |= varying
    schema["$defs"]["Variable"] = _VARIABLE
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


class _Described(GenerateJsonSchema):
    """Writes what each key of a model is beside it."""

    def model_schema(self, schema: core_schema.ModelSchema) -> Part:
        found = super().model_schema(schema)
        texts = texts_of(schema["cls"])
        for name, part in found.get("properties", {}).items():
            part.pop("title", None)
            if name in texts:
                part["description"] = texts[name]
        return found


def _parts(whole: Any) -> Iterator[Part]:
    """Yield each map in the schema, the whole first."""
    if isinstance(whole, dict):
        yield whole
    if isinstance(whole, dict | list):
        for part in whole.values() if isinstance(whole, dict) else whole:
            yield from _parts(part)


def _written(part: Part) -> Any:
    """Return a key's default as people would write it."""
    default = part["default"]
    forms = [NOTATIONS.get(each.get("pattern", "")) for each in (part, *part.get("anyOf", []))]
    form = next(filter(None, forms), None)
    if form is not None and isinstance(default, int | float):
        return form.text_of(default)
    return {} if _models(part) and default is not None else default


def _models(part: Part) -> list[str]:
    """Return the names of the models that a key's value may be of."""
    refs = [each.get("$ref", "") for each in (part, *part.get("anyOf", []))]
    return [ref.removeprefix(_REF) for ref in refs if ref]


def _reached(defs: Part, part: Any) -> set[str]:
    """Return the names of all models that a part is made of."""
    found: set[str] = set()
    left = [part]
    while left:
        refs = {each["$ref"] for each in _parts(left.pop()) if "$ref" in each}
        new = {ref.removeprefix(_REF) for ref in refs} - found
        found |= new
        left += [defs[name] for name in new]
    return found


def _vary(model: Part) -> None:
    """Let a value of the matrix stand for each value in a model."""
    properties = model.get("properties", {})
    for name, part in properties.items():
        if name not in _WORDS:
            properties[name] = _varied(part)


def _varied(part: Part) -> Part:
    """Return a part for which a value of the matrix may stand, and for each in it."""
    about: Part = {key: part[key] for key in ("default", "description") if key in part}
    bare = {key: value for key, value in part.items() if key not in about}
    ways = [_inside(way) for way in bare.get("anyOf", [bare])]
    if not any(way.keys() <= {"type"} and way.get("type", "string") == "string" for way in ways):
        ways.append({"$ref": f"{_REF}Variable"})
    return {**about, **(ways[0] if len(ways) == 1 else {"anyOf": ways})}


def _inside(way: Part) -> Part:
    """Return a list or a map for whose values one of the matrix may stand; all else as it is."""
    inner = {key: _varied(way[key]) for key in ("items", "additionalProperties")
             if isinstance(way.get(key), dict)}  # fmt: skip
    return {**way, **inner}
