"""What is wrong with what an operator wrote, in one line that names the key and the remedy."""

import re

from pydantic import ValidationError

from faults.model.kind import KINDS
from harness.errors import nearest

_PLAIN = {
    "int_type": "a whole number",
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "too_short": "long enough; it must not be empty",
}


def one_line(error: ValidationError) -> str:
    """Return the first problem as `key path: what is wrong; remedy`."""
    first = error.errors()[0]
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
    text = first["msg"].removeprefix("Value error, ")
    return f"{where}: {text}" if where else text


def _where(loc: tuple[int | str, ...]) -> str:
    path = ""
    for depth, part in enumerate(loc):
        if isinstance(part, int):
            path += f"[{part}]"
        elif loc[0] == "timeline" and (depth == 2 or (depth == 3 and loc[2] == "fault")):
            continue  # The unions' tags, which nobody wrote as keys.
        elif re.fullmatch(r"[a-z_]+", part) and part not in ("str", "int", "literal"):
            path = _join(path, part)
        # Anything else is the name of a validator inside a union of types: not a key.
    return path


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
