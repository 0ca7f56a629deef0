"""What tells a cell of a campaign from its other cells, as people write it."""

from collections.abc import Mapping
from typing import Any


def cell_text(params: Mapping[str, Any]) -> str:
    """Return the values of a cell by their names: `delay=50ms, on=[n1, n2]`; "" of the only one."""
    return ", ".join(f"{name}={value_text(value)}" for name, value in params.items())


def value_text(value: object) -> str:
    """Return one value of the matrix as a campaign has it: `50ms`, `[n1, n2]`."""
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
