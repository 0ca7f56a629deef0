"""The seam for what privileged transactions decide: who produces next, and when that shows.

The ledger keeps the proposal, because it belongs to a branch and is undone with it; when it becomes
part of a header is the consensus system's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from node.chain.model.block import Header
from node.chain.model.messages import Schedule
from node.chain.model.schedule import ProducerKey, ProducerSchedule, Proposal

if TYPE_CHECKING:
    from node.chain.profile import ChainState


@dataclass(frozen=True, slots=True)
class Opening:
    """What a block begins with: the schedule its header must carry, the latest schedule known."""

    announced: ProducerSchedule | None
    latest: ProducerSchedule


class Governance(Protocol):
    """How proposals of one consensus system come into force."""

    def open(self, parent: ChainState, slot: int, proposal: Proposal | None) -> Opening:
        """Return what a child of parent in slot begins with while proposal waits."""

    def proposed(self, state: ChainState, producers: Sequence[ProducerKey]) -> Schedule:
        """Return the notice of producers that the block of state proposed."""

    def complete(self, header: Header, announced: ProducerSchedule) -> Header:
        """Return the header carrying the schedule."""
