"""The reference of the campaign language: every key, selector, figure, check and exit status.

Made of what the models, the rows of faults, operations, metrics and invariants say of themselves.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.campaign import act_spec
from harness.campaign.fault_spec import SELECTORS
from harness.campaign.schema import json_schema
from harness.campaign.values import NOTATIONS
from harness.errors import EXIT_CODES, UsageError

Part = dict[str, Any]
_REF = "#/$defs/"
_ACT = "ActSpec"
ENDS_MAX = 6
"""How many keys a hint names."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A word of the language: where it stands, what it is, how it is written, and its default.

    default: as it is written; "" for nothing, None where the key has to be there.
    """

    path: str
    says: str
    written: str = ""
    default: str | None = ""


def entries() -> list[Entry]:
    """Return every key of a campaign, in order, and after it those of what it holds."""
    schema = json.loads(json_schema())
    return [*_keys(schema, schema["$defs"], ""), *_acts(), *_expected()]


def topics() -> dict[str, list[Entry]]:
    """Return what is no key, by topic: units, selectors, checks, exit statuses."""
    from metrics.safety.invariants import CLAIMS

    units = [Entry(each.name, each.said) for each in NOTATIONS.values()]
    return {
        "units": units,
        "selectors": [Entry(word, text) for word, text in SELECTORS.items()],
        "checks": [Entry(name, text) for name, text in CLAIMS.items()],
        "exit": [Entry(str(status), text) for status, text in EXIT_CODES.items()],
    }


def explained(word: str) -> list[Entry]:
    """Return the entry of a path, or of its unambiguous end, and those below it; of a topic all.

    Raises:
        UsageError: there is none such; with the nearest.
    """
    if word in topics():
        return topics()[word]
    known = {entry.path: entry for entry in entries()}
    ends = [path for path in known if path == word or path.endswith(f".{word}")]
    if word not in known and len(ends) != 1:
        raise UsageError(f"campaign explain: no key {word}; {_hint(word, [*known], ends)}")
    path = word if word in known else ends[0]
    return [each for each in known.values() if each.path == path or _below(each.path, path)]


def overview() -> list[Entry]:
    """Return the keys at the top, and those right below them, then the topics."""
    top = [entry for entry in entries() if entry.path.count(".") <= 1]
    return [*top, *(Entry(topic, "Explained by this word.") for topic in topics())]


def _hint(word: str, known: list[str], ends: list[str]) -> str:
    """Return which key is probably meant."""
    if ends:
        return f"it may be {', '.join(ends[:ENDS_MAX])}" + (", …" if len(ends) > ENDS_MAX else "")
    lasts = {path.rpartition(".")[2] for path in known}
    close = difflib.get_close_matches(word, [*known, *sorted(lasts)], n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else "without a key it lists what there is"


def _below(path: str, other: str) -> bool:
    return path.startswith(f"{other}.")


def _keys(model: Part, defs: Mapping[str, Part], above: str) -> Iterator[Entry]:
    """Yield the keys of a model and, after each, those of the models it holds."""
    for name, part in model["properties"].items():
        path = f"{above}{name}"
        default = None if name in model.get("required", ()) else _default(part)
        yield Entry(path, part["description"], _written(part, defs), default)
        for inner, key in _models(part, ""):
            if name == "timeline":
                yield from _entry(inner, defs)
            else:
                yield from _keys(defs[inner], defs, f"{path}.{key}")


def _entry(name: str, defs: Mapping[str, Part]) -> Iterator[Entry]:
    """Yield what an entry of the timeline is, and its keys: of a fault below its word."""
    model = defs[name]
    word = "act" if name == _ACT else model["properties"]["fault"]["const"]
    yield Entry(f"timeline.{word}", " ".join(model["description"].split()), "an entry", None)
    inner = {key: part for key, part in model["properties"].items() if key not in ("fault", "act")}
    yield from _keys(model | {"properties": inner}, defs, f"timeline.{word}.")


def _models(part: Part, key: str) -> Iterator[tuple[str, str]]:
    """Yield the models that a part may be of, each with what stands before its keys."""
    for way in (part, *part.get("anyOf", ()), *part.get("oneOf", ())):
        name = way.get("$ref", "").removeprefix(_REF)
        if name not in ("", "Variable"):
            yield name, key
    for word, more in (("items", ""), ("additionalProperties", "NAME.")):
        for way in (part, *part.get("anyOf", ())):
            if isinstance(way.get(word), dict):
                yield from _nested(way[word], f"{key}{more}")


def _nested(part: Part, key: str) -> Iterator[tuple[str, str]]:
    yield from _models(part, key)
    for way in (*part.get("oneOf", ()), *part.get("anyOf", ())):
        if "oneOf" in way:
            yield from _nested(way, key)


def _default(part: Part) -> str:
    default = part.get("default")
    if default in (None, "", [], {}):
        return ""
    return json.dumps(default).strip('"') if not isinstance(default, str) else default


def _written(part: Part, defs: Mapping[str, Part]) -> str:
    """Return how a value is written, in words."""
    ways = [_way(way, defs) for way in part.get("anyOf", [part])]
    return ", or ".join(dict.fromkeys(filter(None, ways)))


def _way(way: Part, defs: Mapping[str, Part]) -> str:
    match way:
        case {"$ref": str(ref)}:
            return "" if ref.endswith("/Variable") else "a map"
        case {"anyOf": _}:
            return _written(way, defs)
        case {"pattern": str(pattern)} if pattern in NOTATIONS:
            return NOTATIONS[pattern].said
        case {"enum": list(words)}:
            return " or ".join(map(str, words))
        case {"const": word}:
            return str(word)
        case {"type": "array", **rest}:
            inner = _written(rest.get("items", {}), defs)
            return f"a list: {inner}" if inner else "a list"
        case {"type": "object", **rest}:
            named = rest.get("additionalProperties")
            return f"a map by name: {_written(named, defs)}" if isinstance(named, dict) else "a map"
        case {"type": "integer", **bounds}:
            return "a whole number" + _bounds(bounds)
    return {"number": "a number", "boolean": "true or false", "string": "a text"}.get(
        way.get("type", ""), ""
    )


def _bounds(part: Part) -> str:
    low, high = part.get("minimum"), part.get("maximum")
    if low is not None and high is not None:
        return f", {low} to {high}"
    return "" if low is None else f", {low} or more"


def _acts() -> Iterator[Entry]:
    """Yield each operation that an act may be, by its word, and its fields."""
    for word, says, fields in act_spec.operations():
        path = f"timeline.act.{word}"
        yield Entry(path, says, "", None)
        for name, written, default in fields:
            yield Entry(f"{path}.{name}", f"A field of {word}.", written, default)


def _expected() -> Iterator[Entry]:
    """Yield what may be expected: of each fault, and each figure of a phase."""
    from metrics.measure.registry import EXPECTED, OWNER

    recovers = "How soon hosts are as before, after each fault."
    yield Entry("expect.always", "Invariants that must hold: see checks.", "a list of checks")
    yield Entry("expect.each_fault", "Limits for the phases of all faults.", "a map")
    yield Entry("expect.each_fault.recovers_within", recovers, "a duration: 30s")
    yield Entry("expect.PHASE", "Limits for a phase: baseline, after, the id of a fault.", "a map")
    for name, figure in EXPECTED.items():
        methods = [m for m in OWNER[name].methods if name in m.figures] or OWNER[name].methods
        limits = "{min, max}"
        keys = "{min, p50, p90, p95, p99, p999, max, mean: " + limits + "}"
        yield Entry(
            f"expect.PHASE.{name}", f"{methods[0].name}. {methods[0].formula}",
            (keys if figure.quantiles else limits) + f" of {_unit(name)}",
        )  # fmt: skip


def _unit(name: str) -> str:
    if name.endswith("_s"):
        return "durations"
    return "shares" if name.endswith("_ratio") else "whole numbers"
