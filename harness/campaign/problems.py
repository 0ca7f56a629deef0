"""What is wrong with what an operator wrote, in one line that names the key and the remedy."""

import re

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from faults.model.kind import KINDS
from harness.errors import nearest

_PLAIN = {
    "int_type": "a whole number",
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "bool_type": "true or false",
    "too_short": "long enough; it must not be empty",
}


_NO_KEYS = ("str", "int", "literal")
"""Validators inside a union whose names could be keys."""
_BOUNDS = {
    "greater_than_equal": ("ge", "{} or more"),
    "greater_than": ("gt", "more than {}"),
    "less_than_equal": ("le", "{} or less"),
    "less_than": ("lt", "less than {}"),
}
"""Kinds of a number out of its range: where the limit stands, and what to write."""


def one_line(error: ValidationError) -> str:
    """Return the first problem as `key path: what is wrong; remedy`."""
    first = _first(error)
    where = _where(first["loc"])
    kind, context = first["type"], first.get("ctx", {})
    match kind:
        case "unknown_key":
            return f"{_join(where, context['key'])}: {first['msg']}"
        case "union_tag_invalid":
            word = str(context["tag"])
            return f"{_join(where, 'fault')}: unknown fault {word}; {nearest(word, list(KINDS))}"
        case "union_tag_not_found":
            return f"{_join(where, 'fault')}: missing; write act, or one of {', '.join(KINDS)}"
        case "missing":
            return f"{where}: missing; add it"
        case "literal_error":
            return f"{where}: {first['input']!r} is not known; write {context['expected']}"
    if kind in _PLAIN:
        return f"{where}: {first['input']!r} is not {_PLAIN[kind]}"
    if kind in _BOUNDS:
        bound, remedy = _BOUNDS[kind]
        return f"{where}: {first['input']} is out of range; write {remedy.format(context[bound])}"
    text = first["msg"].removeprefix("Value error, ")
    return f"{where}: {text}" if where else text


def _first(error: ValidationError) -> ErrorDetails:
    """Return the first problem: of a list or a map, inside the one that was written."""
    first, *others = error.errors()
    *place, last = first["loc"] or ("",)
    if first["type"] not in ("list_type", "dict_type") or "[" not in str(last):
        return first
    inside = (each for each in others if [*each["loc"][: len(place)]] == place)
    return next((each for each in inside if len(each["loc"]) > len(place) + 1), first)


def _where(loc: tuple[int | str, ...]) -> str:
    path = ""
    if loc and loc[-1] == "[key]":
        loc = loc[:-2]  # A key of a map is itself wrong, and what is said names it.
    for depth, part in enumerate(loc):
        if isinstance(part, int):
            path += f"[{part}]"
        elif loc[0] == "timeline" and (depth == 2 or (depth == 3 and loc[2] == "fault")):
            continue  # The unions' tags, which nobody wrote as keys.
        elif re.fullmatch(r"[a-z_][a-z0-9_.]*", part) and part not in _NO_KEYS:
            path = _join(path, part)
        # Anything else is the name of a validator inside a union of types: not a key.
    return path


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
