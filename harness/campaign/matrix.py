"""The matrix of a campaign: the values of each axis, and what `${name}` stands for in a cell.

An axis is a list of values, a list of maps of them (`${net.delay}`), or a range.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from harness.campaign.problems import one_line
from harness.campaign.values import Strict
from harness.errors import nearest

CELLS_MAX = 1_000
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_AMOUNT = re.compile(r"([+-]?\d+(?:\.\d+)?)([^\d\s.]*)", re.ASCII)
_WHOLE = ("", "B", "ns")
"""Units of which there are no parts."""
_DIGITS = Decimal("0.001")
"""To what the values between both ends are rounded, in their unit."""

Amount = str | int


class Range(Strict):
    """Values from one to another: so many, evenly far apart, or each so many times the last."""

    from_: Annotated[Amount, Field(alias="from")]
    """The first value."""
    to: Amount
    """The last value; by a factor, none is beyond it."""
    steps: Annotated[int, Field(ge=2, le=CELLS_MAX)] | None = None
    """How many values there are, both ends counted."""
    factor: Annotated[float, Field(gt=1)] | None = None
    """By how much each value is larger than the one before."""

    @model_validator(mode="after")
    def _has_values(self) -> Range:
        self.values()
        return self

    def values(self) -> list[Any]:
        """Return the values as a campaign writes them; those between both ends are rounded.

        Raises:
            ValueError: there are none such.
        """
        if (self.steps is None) == (self.factor is None):
            raise ValueError("give exactly one of steps and factor")
        (first, unit), (last, other) = _amount(self.from_), _amount(self.to)
        if unit != other:
            raise ValueError(f"{self.from_} and {self.to} have two units; write both in one")
        digits = Decimal(1) if unit in _WHOLE else _DIGITS
        found = [first, *(each.quantize(digits) for each in self._between(first, last))]
        if self.steps is not None:
            found.append(last)
        if len(set(found)) != len(found):
            raise ValueError("has two values alike; write fewer steps, or a larger factor")
        texts = [f"{each.normalize():f}{unit}" for each in found]
        return texts if unit else [int(text) for text in texts]

    def _between(self, first: Decimal, last: Decimal) -> Iterator[Decimal]:
        """Yield the values after the first: of so many without the last, which is as written."""
        if self.steps is not None:
            step = (last - first) / (self.steps - 1)
            yield from (first + i * step for i in range(1, self.steps - 1))
            return
        factor, value = Decimal(str(self.factor)), first
        if not 0 < first < last:
            raise ValueError("by a factor, from must be more than nothing and less than to")
        for _ in range(CELLS_MAX):
            value *= factor
            if value > last:
                return
            yield value
        raise ValueError(f"more than {CELLS_MAX} values; write a larger factor")


def _amount(written: Amount) -> tuple[Decimal, str]:
    match = _AMOUNT.fullmatch(str(written))
    if match is None or (not match[2] and "." in match[1]):
        raise ValueError(
            f"{str(written)[:40]!r} is no number with its unit; write for example 50ms"
        )
    return Decimal(match[1]), match[2]


def axes(matrix: object) -> dict[str, list[Any]]:
    """Return the values of each axis of a matrix as written.

    Raises:
        ValueError: it is no matrix, or has too many cells; begins with the key.
    """
    if not isinstance(matrix, dict):
        raise ValueError("matrix: write a map of name: [values]")
    found = {}
    for name, written in matrix.items():
        where = f"matrix.{name}"
        if not _NAME.fullmatch(str(name)):
            raise ValueError(f"{where}: no name; write one of letters, digits and _")
        found[name] = _values(written, where)
    cells = math.prod(map(len, found.values()))
    if cells > CELLS_MAX:
        raise ValueError(f"matrix: {cells} cells; write at most {CELLS_MAX}")
    return found


def _values(written: object, where: str) -> list[Any]:
    """Return the values of an axis."""
    if isinstance(written, dict):
        try:
            return Range.model_validate(written).values()
        except ValidationError as error:
            text = one_line(error)
            raise ValueError(f"{where}{'.' if ': ' in text else ': '}{text}") from error
    if not isinstance(written, list) or not written:
        raise ValueError(f"{where}: write a list of values, or {{from, to, steps}}")
    first = leaves("", written[0]).keys()
    for i, value in enumerate(written):
        own = leaves("", value).keys()
        if own != first:
            odd = sorted(own ^ first)[0].removeprefix(".") or "a value without a key"
            raise ValueError(
                f"{where}[{i}]: {odd} is not in all of the list; give each the same keys"
            )
    return written


def combinations(axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return the value that each axis has in each cell."""
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def leaves(name: str, value: Any) -> dict[str, Any]:
    """Return the values of a map by their paths; of what is no map itself by its name."""
    if not isinstance(value, dict) or not value:
        return {name: value}
    found: dict[str, Any] = {}
    for key, part in value.items():
        found |= leaves(f"{name}.{key}", part)
    return found


def params(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells a cell from others: each of its values by its path."""
    found: dict[str, Any] = {}
    for name, value in cell.items():
        found |= leaves(name, value)
    return found


def replaced(value: Any, cell: Mapping[str, Any], where: str) -> Any:
    """Return a value with what `${name}` stands for in a cell; where: its key, for messages.

    Raises:
        ValueError: the cell has no such value; begins with the key.
    """
    if isinstance(value, dict):
        return {key: replaced(part, cell, f"{where}.{key}") for key, part in value.items()}
    if isinstance(value, list):
        return [replaced(part, cell, f"{where}[{i}]") for i, part in enumerate(value)]
    if not isinstance(value, str):
        return value
    whole = VARIABLE.fullmatch(value)
    if whole:
        return _meant(whole[1], cell, where)

    def text(match: re.Match[str]) -> str:
        meant = _meant(match[1], cell, where)
        if isinstance(meant, dict | list):
            raise ValueError(f"{where}: {match[0]} is more than one value; let it stand alone")
        return str(meant)

    return VARIABLE.sub(text, value)


def _meant(name: str, cell: Mapping[str, Any], where: str) -> Any:
    """Return what a name stands for in a cell."""
    found: Any = cell
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            known = list(params(cell))
            hint = nearest(name, known) if known else "there is no matrix"
            raise ValueError(f"{where}: ${{{name}}} is not in matrix; {hint}")
        found = found[part]
    return found


def variables(value: object) -> set[str]:
    """Return the names for which `${name}` stands anywhere in a value."""
    return set(VARIABLE.findall(str(value)))


def used(path: str, names: set[str]) -> bool:
    """Return whether any of the names stands for the value at a path, or for a map that has it."""
    return any(path == name or path.startswith(f"{name}.") for name in names)
