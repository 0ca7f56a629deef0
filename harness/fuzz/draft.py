"""A drawn campaign in the making, as its file will have it, and what accounts do in it."""

from typing import Any

Draft = dict[str, Any]

ACTS_END_S = 300
"""In seconds of the chain: what is asked for later is too late to matter in a draw."""


def act(at_s: int, word: str, by: str, **fields: Any) -> Draft:
    """Return an act of an account; a second of the chain lasts one in drawn campaigns."""
    return {"at": f"{min(at_s, ACTS_END_S) * 1000}ms", "act": word, "by": by, **fields}


def with_acts(draft: Draft, acts: list[Draft]) -> Draft:
    """Return the draft with acts behind what its timeline has, in order of time."""
    in_order = sorted(acts, key=lambda each: int(each["at"].removesuffix("ms")))
    return {**draft, "timeline": [*draft["timeline"], *in_order]}
