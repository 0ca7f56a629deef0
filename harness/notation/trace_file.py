"""A recorded trace of delays: the CSV file that a delay of a timeline names.

Its columns are `at_s`, seconds since the fault's begin, of which the first is 0, and `delay_ms`,
one way from then on. Lines that begin with # say where the figures are from. Behind the last line
its delay goes on.
"""

import csv
import hashlib
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

from faults.model.steps import Steps

COLUMNS = ["at_s", "delay_ms"]
STEPS_MAX = 1_000
BYTES_MAX = 65_536
DELAY_MS_MAX = 1_000
"""Probes wait little longer for an answer that needs both ways."""
APART_S = Decimal("0.1")
"""Hosts change a delay no more often."""
_LONGEST_S = 86_400
_NUMBER = re.compile(r"\d{1,6}(\.\d{1,6})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace that was read: the name and text of its file, and what it says, in ns."""

    name: str
    text: str
    steps: Steps

    @property
    def sha256(self) -> str:
        """Return the digest of the file."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def find(name: str, beside: Path) -> Trace:
    """Return the trace in the file of that name in the folder.

    Raises:
        ValueError: there is none, or it is no trace; begins with the name of the file.
    """
    if Path(name).name != name or not name.endswith(".csv"):
        raise ValueError(f"{name or repr(name)} is not the name of a CSV file beside the campaign")
    try:
        data = (beside / name).read_bytes()
    except OSError as error:
        raise ValueError(f"{name}: no such file beside the campaign") from error
    if len(data) > BYTES_MAX:
        raise ValueError(f"{name}: has more than {BYTES_MAX} bytes; write fewer lines")
    try:
        text = data.decode()
        return Trace(name, text, parse(text))
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: not text in UTF-8; write it as such") from error
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def parse(text: str) -> Steps:
    """Return the steps that a text says.

    Raises:
        ValueError: it says none, with the line and the remedy.
    """
    lines = [(n, line) for n, line in enumerate(text.splitlines(), start=1)
             if line.strip() and not line.startswith("#")]  # fmt: skip
    try:
        rows = [next(csv.reader([line], strict=True)) for _, line in lines]
    except csv.Error as error:
        raise ValueError(f"not CSV ({error}); write two cells with a comma between") from error
    if not rows or [cell.strip() for cell in rows[0]] != COLUMNS:
        raise ValueError(f"its first line is not {','.join(COLUMNS)}; write that")
    if not 1 < len(rows) <= STEPS_MAX + 1:
        raise ValueError(f"{len(rows) - 1} delays; write 1 to {STEPS_MAX}")
    steps: list[tuple[int, int]] = []
    last_s: Decimal | None = None
    for (n, _), row in zip(lines[1:], rows[1:], strict=True):
        at_s, delay_ms = _figures(n, [cell.strip() for cell in row])
        if last_s is None and at_s:
            raise ValueError(f"line {n}: the first delay is at {at_s} s; write 0")
        if last_s is not None and at_s < last_s + APART_S:
            raise ValueError(f"line {n}: {at_s} s; write {APART_S} s more than before or later")
        last_s = at_s
        steps.append((int(at_s * 1_000_000_000), int(delay_ms * 1_000_000)))
    return tuple(steps)


def _figures(n: int, cells: list[str]) -> tuple[Decimal, Decimal]:
    if len(cells) != len(COLUMNS) or not all(_NUMBER.fullmatch(cell) for cell in cells):
        raise ValueError(f"line {n}: not two numbers; write at_s,delay_ms")
    at_s, delay_ms = map(Decimal, cells)
    if at_s > _LONGEST_S or delay_ms > DELAY_MS_MAX:
        remedy = f"write at most {_LONGEST_S} s and {DELAY_MS_MAX} ms"
        raise ValueError(f"line {n}: {at_s} s, {delay_ms} ms; {remedy}")
    return at_s, delay_ms


def _read(value: Any, info: ValidationInfo) -> Trace:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not the name of a CSV file; write one")
    return find(value, (info.context or {}).get("folder", Path()))


TraceFile = Annotated[
    Trace,
    PlainValidator(_read),
    PlainSerializer(lambda trace: trace.name),
    WithJsonSchema({"type": "string", "pattern": r"^[^/]+\.csv$"}),
]
"""The name of such a file, which is read beside the campaign."""
