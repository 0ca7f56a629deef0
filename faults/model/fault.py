"""What every fault is: a value that renders to commands, never code that acts by itself.

A recipe has four stages. `prepare` puts harmless things in place seconds before; `inject` is the
one short transaction that makes the fault real; `release` ends its effect; `remove` takes away what
is left. release + remove is the undo: it succeeds when run twice and when nothing was ever applied.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

SECOND_NS = 1_000_000_000
FOR_NS_MAX = 24 * 3600 * SECOND_NS
_ID = re.compile(r"[a-z0-9][a-z0-9_.+-]{0,63}")
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
    prepare: tuple[Step, ...] = ()
    inject: tuple[Step, ...]
    release: tuple[Step, ...] = ()
    remove: tuple[Step, ...] = ()

    @property
    def undo(self) -> tuple[Step, ...]:
        """Return everything that takes the fault back, in order."""
        return self.release + self.remove


@dataclass(frozen=True, slots=True, kw_only=True)
class HostContext:
    """What a recipe must know of its host and of its one use: token is unique to this arming."""

    token: str
    run_dir: Path
    skew_file: Path
    capabilities: frozenset[str]
    deadline_ns: int | None
    """On CLOCK_BOOTTIME; None for a fault without an end."""
    queue_num: int = 0
    mangle_existed: bool = False
    python: tuple[str, ...] = ("/usr/bin/python3",)
    python_path: str = ""
    provider: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """What the provider's agent runs: by host, by word (off, on, state, ...), a command."""
    ntp: tuple[str, ...] = ()
    """Addresses of the lab's NTP servers."""

    @property
    def table(self) -> str:
        """Return the name of this fault's own nft table (family inet)."""
        return f"slotlab_{self.token}"


class Fault(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="fault", forbid_unknown_fields=True
):
    """Base of every fault on the wire: at_ns counts from T0, for_ns None means until the lease
    ends.
    """

    id: str
    at_ns: int
    for_ns: int | None = None

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError("id may hold a-z 0-9 _ . + - and at most 64 of them")
        if not 0 <= self.at_ns <= FOR_NS_MAX:
            raise ValueError("at_ns is outside 0..24 h")
        if self.for_ns is not None and not 0 < self.for_ns <= FOR_NS_MAX:
            raise ValueError("for_ns is outside 0..24 h")


class Renders(Protocol):
    """What the agent asks of a fault."""

    def kind(self) -> str:
        """Return the fault's word in journals and reports."""

    def lasts_ns(self) -> int | None:
        """Return how long after at_ns the undo is due; None: nothing to undo, or the lease
        decides.
        """

    def check(self, context: HostContext) -> None:
        """Raise FaultError when this host cannot do the fault."""

    def recipe(self, context: HostContext) -> Recipe:
        """Return the commands of the four stages."""


def needs(context: HostContext, *names: str) -> None:
    """Refuse a host that lacks one of these capabilities.

    Raises:
        FaultError: unsupported.
    """
    for name in names:
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
        ValueError: it does not.
    """
    if not _INTERFACE.fullmatch(name):
        raise ValueError(f"not a network interface: {name!r}")
