"""How a proposed schedule gets into a header."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from node.chain.eosio.header import BlockHeader
from node.chain.eosio.header_state import HeaderState
from node.chain.eosio.schedule_change import due_schedule, latest_schedule
from node.chain.model.block import Header
from node.chain.model.schedule import ProducerKey, ProducerSchedule, Proposal
from node.chain.profile import ChainState, Opening
from node.events import Schedule


class EosioGovernance:
    """Fills `Governance` of the seam; no state."""

    __slots__ = ()

    def open(self, parent: ChainState, slot: int, proposal: Proposal | None) -> Opening:
        """Return what a child of parent in slot begins with while proposal waits."""
        assert isinstance(parent, HeaderState)
        announced = due_schedule(parent.tally, slot, proposal)
        return Opening(announced, latest_schedule(parent.tally, announced))

    def proposed(self, state: ChainState, producers: Sequence[ProducerKey]) -> Schedule:
        """Return the notice of producers that the block of state proposed."""
        assert isinstance(state, HeaderState)
        latest = state.tally.pending.schedule or state.tally.active
        return Schedule(
            version=latest.version + 1,
            state="proposed",
            num=state.num,
            producers=[producer.name for producer in producers],
        )

    def complete(self, header: Header, announced: ProducerSchedule) -> Header:
        """Return the header with the schedule as new_producers."""
        assert isinstance(header, BlockHeader)
        return dataclasses.replace(header, new_producers=announced)
