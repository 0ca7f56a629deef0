"""What every kind of lab host can do, and which kind a host is."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from harness.labs.container import host as container_host
from harness.labs.state import HostState, LabState, ProcessId
from harness.labs.vm import machine


class HostKind(Protocol):
    """The functions of a module that makes hosts."""

    SSH_DEADLINE_S: float

    def lay_out(self, folder: Path, state: LabState, host: HostState) -> None:
        """Put the host's own files into the lab's folder."""

    def boot(
        self, folder: Path, state: LabState, host: HostState, record: Callable[[ProcessId], None]
    ) -> None:
        """Start the host; record is called before it may do anything."""

    def end(self, state: LabState, host: HostState) -> None:
        """End every process of the host."""

    def first_process(self, host: HostState) -> ProcessId | None:
        """Return the process that is the running host, or None while it is down."""

    def freeze(self, folder: Path, host: HostState) -> None:
        """Stop all that runs on the host."""

    def thaw(self, folder: Path, host: HostState) -> None:
        """Let the host run on."""

    def is_frozen(self, folder: Path, host: HostState) -> bool:
        """Return whether the host was frozen and not thawed."""

    def set_link(self, folder: Path, state: LabState, host: HostState, *, up: bool) -> None:
        """Give the host's data card a carrier, or take it."""

    def link_is_up(self, folder: Path, state: LabState, host: HostState) -> bool:
        """Return whether the host's data card was left with a carrier."""


def kind_of(host: HostState) -> HostKind:
    """Return the module that makes hosts of this one's kind."""
    return machine if host.spec else container_host
