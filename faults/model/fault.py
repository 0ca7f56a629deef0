"""What every fault is: a value that renders to commands, never code that acts by itself.

A recipe has four stages. `prepare` puts harmless things in place seconds before; `inject` is the
one short transaction that makes the fault real; `release` ends its effect; `remove` takes away what
is left. release + remove is the undo: it succeeds when run twice and when nothing was ever applied.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import msgspec
from msgspec import Meta

from faults.model.columns import Kind
from faults.model.kind import KINDS

SECOND_NS = 1_000_000_000
FOR_NS_MAX = 24 * 3600 * SECOND_NS
OFFSET_NS_MAX = 3600 * SECOND_NS
Offset = Annotated[int, Meta(ge=-OFFSET_NS_MAX, le=OFFSET_NS_MAX)]
"""How far a clock is moved, or a server lies."""
Port = Annotated[int, Meta(gt=0, lt=65536)]
"""The node's port."""
_INTERFACE = re.compile(r"[A-Za-z0-9_.@-]{1,15}")


class FaultError(Exception):
    """A fault cannot be decoded, checked or carried out; reason is a fixed word."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Command:
    """One program call; with may_fail a non-zero exit is no error (undoing what is not there)."""

    words: tuple[str, ...]
    may_fail: bool = False
    stdin: str = ""
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class SetSkew:
    """Write the clock skew file; offset and drift zero mean no skew."""

    path: Path
    offset_ns: int
    drift_ppb: int


@dataclass(frozen=True, slots=True)
class MoveClock:
    """Step the host's own clock by by_ns and let it run by_ppb faster; marker keeps what was."""

    marker: Path
    by_ns: int
    by_ppb: int


@dataclass(frozen=True, slots=True)
class RestoreClock:
    """Put the host's own clock back to what the marker says; without a marker, touch nothing."""

    marker: Path


Step = Command | SetSkew | MoveClock | RestoreClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The four stages of one fault; how is the word the report prints."""

    how: str
    at_once: bool = False
    """Whether the release is so short that looking at the fault first would make it late."""
    rules: bool = False
    """Whether it is rules of nft: they stand, and count, until they are removed, and the command
    that fills or empties them can wait for its moment.
    """
    counters_go: bool = False
    """Whether its counters go with its release."""
    prepare: tuple[Step, ...] = ()
    inject: tuple[Step, ...]
    release: tuple[Step, ...] = ()
    remove: tuple[Step, ...] = ()

    @property
    def undo(self) -> tuple[Step, ...]:
        """Return everything that takes the fault back, in order."""
        return self.release + self.remove


@dataclass(frozen=True, slots=True)
class Evidence:
    """installed: read back as asked; indeterminate: the host shows something else, reason says
    what.
    """

    state: Literal["installed", "indeterminate"]
    data: dict[str, object]
    reason: str = ""


def verdict(wrong: str, data: dict[str, object]) -> Evidence:
    """Return the evidence: installed when nothing is wrong."""
    return Evidence("indeterminate", data, wrong) if wrong else Evidence("installed", data)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostContext:
    """What a recipe must know of its host and of its one use: token is unique to this arming."""

    token: str
    run_dir: Path
    skew_file: Path
    chain_dir: Path = Path("/var/lib/slotlab/chain")
    """Where the node keeps its blocks."""
    behaviour_file: Path = Path("/var/lib/slotlab/byzantine.json")
    """What has the node lie while it is there, if its trial allows that."""
    capabilities: frozenset[str]
    deadline_ns: int | None
    """On CLOCK_BOOTTIME; None for a fault without an end."""
    queue_num: int = 0
    tables: Collection[str] = ()
    """Those of iptables that were there before any of our faults."""
    python: tuple[str, ...] = ("/usr/bin/python3",)
    python_path: str = ""
    provider: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """What the provider's agent runs: by host, by word (off, on, state, ...), a command."""
    ntp: tuple[str, ...] = ()
    """Addresses of the lab's NTP servers."""

    @property
    def table(self) -> str:
        """Return family and name of this fault's own nft table."""
        return self.table_of("inet")

    def table_of(self, family: str) -> str:
        """Return family and name of a table of this fault's own."""
        return f"{family} slotlab_{self.token}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What of a host a fault acts on; None or empty: nothing of the kind."""

    node_port: int | None = None
    interface: str = ""
    peers: Collection[str] = ()
    """Addresses whose packets it is about."""
    ntp: Collection[str] = ()
    """Addresses of time servers."""


class Fault(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="fault", forbid_unknown_fields=True
):
    """Base of every fault on the wire: at_ns counts from T0, for_ns None means until the lease
    ends, or for good where there is nothing to undo.
    """

    tried_by: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Each capability of its own that its kind needs, and shell that works where a host has it."""
    id: Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9_.+-]{0,63}\Z")]
    at_ns: Annotated[int, Meta(ge=0, le=FOR_NS_MAX)]
    for_ns: Annotated[int, Meta(gt=0, le=FOR_NS_MAX)] | None = None

    @property
    def row(self) -> Kind:
        """Return what everybody knows of its kind."""
        return KINDS[str(self.__struct_config__.tag)]

    def gap_ns(self, _later: Fault) -> int:
        """Return how long after its end a later fault of what it shares may begin on its host."""
        return 0

    def settled(self, _context: HostContext) -> Self:
        """Return the fault with what was left to the host decided.

        Raises:
            FaultError: that cannot be done on this machine as it is now.
        """
        return self

    def touched(self) -> Touched:
        """Return what of a host it acts on."""
        return Touched()

    def check(self, context: HostContext) -> None:
        """Refuse a host that lacks what the fault needs.

        Raises:
            FaultError: unsupported, or why else it cannot be done here.
        """
        for way in self.row.ways:
            needs(context, way.needs)

    def recipe(self, context: HostContext) -> Recipe:
        """Return the commands of the four stages."""
        raise NotImplementedError

    def read_back(self, context: HostContext) -> Evidence:
        """Return what the host shows of the fault, which was just applied."""
        raise NotImplementedError

    def counters(self, _context: HostContext) -> dict[str, object]:
        """Return what it did so far: packets dropped or held; also after its effect has ended."""
        return {}

    def ended_early(self, context: HostContext) -> str:
        """Return why a fault that should be in force is not, "" when it is."""
        return self.read_back(context).reason

    def ended_before_release(self, _context: HostContext) -> str:
        """Return why it was no longer in force, asked when it has just been released on time.

        Only of faults whose rules outlive the release, so that looking costs the fault no time.
        """
        return ""

    def left_over(self, _context: HostContext) -> str:
        """Return what of the healed fault is still there, "" when nothing is."""
        return ""


def needs(context: HostContext, name: str) -> None:
    """Refuse a host that lacks a capability.

    Raises:
        FaultError: unsupported.
    """
    if name not in context.capabilities:
        raise FaultError("unsupported", f"this host has no working {name}")


def addresses(values: list[str]) -> tuple[list[str], list[str]]:
    """Return the IPv4 and the IPv6 addresses among values, each in canonical form.

    Raises:
        ValueError: not an address.
    """
    four: list[str] = []
    six: list[str] = []
    for value in values:
        address = ipaddress.ip_address(value)
        (four if address.version == 4 else six).append(str(address))
    return four, six


def check_interface(name: str) -> None:
    """Refuse a name that cannot be a network interface's.

    Raises:
        ValueError: the name cannot be one.
    """
    if not _INTERFACE.fullmatch(name):
        raise ValueError(f"not a network interface: {name!r}")
