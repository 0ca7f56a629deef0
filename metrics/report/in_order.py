"""Names in the order that people count in: n1, n2, n10."""

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"(\d+)", re.ASCII)


def in_order(names: Iterable[str]) -> list[str]:
    """Return names sorted, numbers within them by their value."""
    return sorted(names, key=lambda name: (counted(name), name))


def counted(name: str) -> tuple[tuple[int, str], ...]:
    """Return what a name is sorted by: its parts, numbers by length and digits."""
    parts = _NUMBER.split(name)
    return tuple(
        (len(part.lstrip("0")), part.lstrip("0")) if i % 2 else (0, part)
        for i, part in enumerate(parts)
    )
