"""Round trips between zones: what a campaign says of them, and the CSV file that it names.

Of a file the first cell says what its cells are, `rtt_ms`: round trips in milliseconds. Its rows
and columns are the same zones. A round trip is one figure, written once or alike at both places; an
empty place on the diagonal means that inside the zone nothing is added. Lines that begin with # say
where the figures are from.
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
CORNER = "rtt_ms"
RTT_MS_MAX = 2_000
"""Probes wait little longer for an answer: what takes longer could not be measured."""
BYTES_MAX = 65_536
_MS_NS = 1_000_000
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
    hosts: dict[str, str] = Field(default={})
    """The zone of each host; left out, slotlab_zone of the inventory, else dealt in order."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A file of round trips: its text, where the figures are from, and what it says.

    rtt_ns: by zone and zone, the same both ways; what is not there is not touched.
    """

    name: str
    text: str
    source: str
    rtt_ns: Mapping[str, Mapping[str, int]]

    @property
    def zones(self) -> list[str]:
        """Return the zones in the order of the file."""
        return list(self.rtt_ns)


def find(name: str, beside: Path) -> Matrix:
    """Return the matrix in the file of that name in the folder, else in the one that ships.

    Raises:
        ValueError: there is none, or it is no matrix; begins with the name of the file.
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
        return parse(name, data.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: not text in UTF-8; write it as such") from error
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


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
    zones = _zones(rows)
    cells = {row[0]: dict(zip(zones, row[1:], strict=True)) for row in rows[1:]}
    rtt_ns: dict[str, dict[str, int]] = {zone: {} for zone in zones}
    for i, one in enumerate(zones):
        for other in zones[i:]:
            found_ns = _round_trip(one, other, cells[one][other], cells[other][one])
            if found_ns is not None:
                rtt_ns[one][other] = rtt_ns[other][one] = found_ns
    return Matrix(name=name, text=text, source=" ".join(source), rtt_ns=rtt_ns)


def _zones(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the zones of a table that is square."""
    corner, *zones = rows[0] if rows else ("",)
    if corner != CORNER:
        raise ValueError(
            f"the first cell is {corner or 'empty'}; write {CORNER}, as cells are round trips in"
            " milliseconds"
        )
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
    return zones


def _round_trip(one: str, other: str, there: str, back: str) -> int | None:
    """Return the round trip that the two cells of a pair say, None inside a zone without one."""
    where = f"{one} and {other}"
    said = {_nanoseconds(where, cell) for cell in (there, back) if cell}
    if len(said) > 1:
        raise ValueError(
            f"{where}: {there} and {back} are two figures of one round trip; empty one of the cells"
        )
    if not said and one != other:
        raise ValueError(f"{where}: no round trip; write it")
    return said.pop() if said else None


def _nanoseconds(where: str, cell: str) -> int:
    if not _NUMBER.fullmatch(cell) or Decimal(cell) > RTT_MS_MAX:
        raise ValueError(f"{where}: {cell!r} is no round trip; write 0 to {RTT_MS_MAX} (ms)")
    return int(Decimal(cell) * _MS_NS)
