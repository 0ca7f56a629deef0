"""Round trips and losses between zones: what a campaign says of them, and the CSV files it names.

Of a file the first cell says what its cells are: `rtt_ms`, round trips in milliseconds, or
`loss_percent`, how many of a hundred packets are lost each way. Its rows and columns are the same
zones. A cell is one figure, written once or alike at both places; an empty place on the diagonal,
or of losses anywhere, means that nothing is added. Lines that begin with # say where the figures
are from.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from harness.campaign.values import Strict
from harness.controller.state_dir import CAMPAIGNS
from harness.errors import nearest

SHIPPED = CAMPAIGNS / "regions"
BYTES_MAX = 65_536
_ZONE = re.compile(r"[A-Za-z0-9_.:@-]{1,64}")
_NUMBER = re.compile(r"\d{1,6}(\.\d{1,6})?", re.ASCII)


def _file_name(name: str) -> str:
    if Path(name).name != name or not name.endswith(".csv"):
        raise ValueError(
            f"{name or repr(name)} is not the name of a CSV file alone; put the file beside the"
            " campaign, or name one that ships"
        )
    return name


class ZonesSpec(Strict):
    """Zones that hosts stand in, and how far they are apart from T0 to the end of each trial."""

    matrix: Annotated[str, AfterValidator(_file_name)]
    """A CSV file of round trips between zones: one beside the campaign, else one that ships."""
    losses: Annotated[str, AfterValidator(_file_name)] | None = None
    """A CSV file of losses between the zones, likewise; left out, nothing is lost."""
    hosts: dict[str, str] = Field(default={})
    """The zone of each host; left out, slotlab_zone of the inventory, else dealt in order."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What the cells of a file are: the word of its first cell, its name and unit, how much it is
    at most, what one of that unit is in the plan, and whether each two zones need one.
    """

    corner: str
    name: str
    unit: str
    most: int
    one: int
    needed: bool


RTT = Figure("rtt_ms", "round trip", "ms", 2_000, 1_000_000, needed=True)
"""Probes wait little longer for an answer: what takes longer could not be measured."""
LOSS = Figure("loss_percent", "loss", "%", 50, 10_000, needed=False)
FIGURES = {figure.corner: figure for figure in (RTT, LOSS)}


@dataclass(frozen=True, slots=True)
class Matrix:
    """A file of figures between zones: its text, where they are from, and what it says.

    between: by zone and zone, the same both ways, round trips in ns or losses in parts of a
    million; what is not there is not touched.
    """

    name: str
    text: str
    source: str
    figure: Figure
    between: Mapping[str, Mapping[str, int]]

    @property
    def zones(self) -> list[str]:
        """Return the zones in the order of the file."""
        return list(self.between)


def find(name: str, beside: Path, figure: Figure) -> Matrix:
    """Return the matrix in the file of that name in the folder, else in the one that ships.

    Raises:
        ValueError: there is none, or it is none of such figures; begins with the name of the file.
    """
    path = beside / name
    if not path.is_file():
        path = SHIPPED / name
    try:
        data = path.read_bytes()
    except OSError as error:
        shipped = sorted(each.name for each in SHIPPED.glob("*.csv"))
        problem = f"no such file beside the campaign, nor one that ships; {nearest(name, shipped)}"
        raise ValueError(f"{name}: {problem}") from error
    if len(data) > BYTES_MAX:
        raise ValueError(f"{name}: has more than {BYTES_MAX} bytes; write fewer zones")
    try:
        found = parse(name, data.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: not text in UTF-8; write it as such") from error
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if found.figure != figure:
        problem = f"its cells are {found.figure.corner}, not {figure.corner}"
        raise ValueError(f"{name}: {problem}; name another file")
    return found


def parse(name: str, text: str) -> Matrix:
    """Return the matrix that a text says.

    Raises:
        ValueError: it says none, with the row, the column and the remedy.
    """
    lines = text.splitlines()
    source = [line.lstrip("# ") for line in lines if line.startswith("#")]
    told = (line for line in lines if line.strip() and not line.startswith("#"))
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(told, strict=True)]
    except csv.Error as error:
        raise ValueError(f"not CSV ({error}); write cells with commas between") from error
    figure, zones = _zones(rows)
    cells = {row[0]: dict(zip(zones, row[1:], strict=True)) for row in rows[1:]}
    between: dict[str, dict[str, int]] = {zone: {} for zone in zones}
    for i, one in enumerate(zones):
        for other in zones[i:]:
            found = _figure(figure, (one, other), cells[one][other], cells[other][one])
            if found is not None:
                between[one][other] = between[other][one] = found
    source_text = " ".join(source)
    return Matrix(name=name, text=text, source=source_text, figure=figure, between=between)


def _zones(rows: Sequence[Sequence[str]]) -> tuple[Figure, list[str]]:
    """Return what the cells of a table are that is square, and its zones."""
    corner, *zones = rows[0] if rows else ("",)
    if corner not in FIGURES:
        problem = f"the first cell is {corner or 'empty'}; write what cells are"
        raise ValueError(f"{problem}: {' or '.join(FIGURES)}")
    for n, zone in enumerate(zones):
        if not _ZONE.fullmatch(zone):
            raise ValueError(f"column {n + 2}: {zone!r} is no zone; write one plain word")
        if zone in zones[:n]:
            raise ValueError(f"column {n + 2}: {zone} is there twice; remove one")
    if not zones or [row[0] if row else "" for row in rows[1:]] != zones:
        raise ValueError("its rows are not its columns; write each zone as both, in one order")
    for row in rows[1:]:
        if len(row) != len(zones) + 1:
            problem = f"{len(row) - 1} cells for {len(zones)} zones"
            raise ValueError(
                f"row {row[0]}: {problem}; write one for each, if need be an empty one"
            )
    return FIGURES[corner], zones


def _figure(figure: Figure, pair: tuple[str, str], there: str, back: str) -> int | None:
    """Return what the two cells of a pair say, None where nothing is added."""
    where = " and ".join(pair)
    said = {_number(figure, where, cell) for cell in (there, back) if cell}
    if len(said) > 1:
        problem = f"{there} and {back} are two figures of one {figure.name}"
        raise ValueError(f"{where}: {problem}; empty one of the cells")
    if figure.needed and not said and len(set(pair)) > 1:
        raise ValueError(f"{where}: no {figure.name}; write it")
    return said.pop() if said else None


def _number(figure: Figure, where: str, cell: str) -> int:
    if not _NUMBER.fullmatch(cell) or Decimal(cell) > figure.most:
        remedy = f"write 0 to {figure.most} ({figure.unit})"
        raise ValueError(f"{where}: {cell!r} is no {figure.name}; {remedy}")
    return int(Decimal(cell) * figure.one)
