"""Proposing who produces: action `setprods` of the system account, and the proposals that wait."""

from typing import Annotated, ClassVar

import msgspec

from node.chain.eosio.finality import Tally
from node.chain.eosio.schedule_change import due_schedule, latest_schedule
from node.chain.genesis import SYSTEM_ACCOUNT
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.chain.model.schedule import ProducerKey, ProducerSchedule, Proposal
from node.chain.state.state import Table
from node.events import Schedule

PROPOSALS = Table("proposals", str, Proposal)
"""Under WAITING: the proposal that waits to be announced in a header."""
WAITING = "waiting"
SCHEDULES = Table("schedules", str, ProducerSchedule)
"""Under LATEST: what a new proposal is compared with, and whose version it follows."""
LATEST = "latest"


class SetProducers(Operation, frozen=True, kw_only=True):
    """Propose who produces; only the system account may."""

    ACTION: ClassVar = (SYSTEM_ACCOUNT, "setprods")

    producers: Annotated[tuple[ProducerKey, ...], "producers"] = msgspec.field(name="schedule")

    @property
    def authority(self) -> str:
        """Return the system account."""
        return SYSTEM_ACCOUNT

    def fault(self) -> Reason | None:
        """Return bad_producers for none, or for names that are not in order."""
        names = [producer.name for producer in self.producers]
        return None if names and names == sorted(set(names)) else Reason.BAD_PRODUCERS

    def apply(self, block: OpenBlock) -> None:
        """Let the schedule wait.

        Raises:
            TransactionRejected: it is the latest one, or a proposal of another block waits.
        """
        refusal = propose(self.producers, block)
        if refusal is not None:
            raise TransactionRejected(refusal)


def propose(producers: tuple[ProducerKey, ...], block: OpenBlock) -> Reason | None:
    """Let producers wait as the next schedule; return why that is refused, None when it is done.

    Source: eosio libraries/chain/controller.cpp, set_proposed_producers.
    """
    waiting = block.state.get(PROPOSALS, WAITING)
    latest = block.state.get(SCHEDULES, LATEST)
    assert latest is not None
    if waiting is not None and waiting.block_num != block.num:
        return Reason.PROPOSAL_WAITS
    if producers == (waiting.schedule if waiting else latest).producers:
        return Reason.SAME_PRODUCERS
    schedule = ProducerSchedule(latest.version + 1, producers)
    block.state.put(PROPOSALS, WAITING, Proposal(block.num, schedule))
    names = [producer.name for producer in producers]
    block.facts.append(
        Schedule(version=schedule.version, state="proposed", num=block.num, producers=names)
    )
    return None


def announce(parent: Tally, block: OpenBlock) -> ProducerSchedule | None:
    """Return the schedule that the header of a child of parent must carry; it waits no longer."""
    state, announced = block.state, None
    proposal = state.get(PROPOSALS, WAITING)
    if proposal is not None:
        announced = due_schedule(parent, block.slot, proposal)
    if announced is not None:
        state.remove(PROPOSALS, WAITING)
    latest = latest_schedule(parent, announced)
    if state.get(SCHEDULES, LATEST) != latest:
        state.put(SCHEDULES, LATEST, latest)
    return announced
