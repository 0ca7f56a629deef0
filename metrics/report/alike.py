"""Texts that say the same of other hosts, trials and numbers, gathered: a line for all of them."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class Alike(NamedTuple):
    """Texts of one kind: the first of them, and those that say the same of something else."""

    first: str
    more: Sequence[str]


def gathered(texts: Iterable[str], names: Iterable[str]) -> list[Alike]:
    """Return the texts by kind, in the order of the first of each; names: of the hosts.

    Two are of one kind if they differ in numbers and in names of hosts only.
    """
    longest = sorted(map(re.escape, names), key=len, reverse=True)
    host = re.compile(rf"\b(?:{'|'.join(longest)})\b") if longest else None
    found: dict[str, list[str]] = {}
    for text in texts:
        kind = host.sub("\0", text) if host else text
        found.setdefault(_NUMBER.sub("#", kind), []).append(text)
    return [Alike(first, more) for first, *more in found.values()]
