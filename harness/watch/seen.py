"""What is known of a host that is looked at, from one answer to the next. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from faults.model.record import Time
from harness.errors import RunError
from harness.orchestrator.fleet import NodeStatus
from harness.remote.agent_channel import NOT_DEPLOYED, Reply

IN_FORCE = "applied"
WAITS = ("armed", "prepared")
HEALTHY = "healthy"


class FaultSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent says of one of its faults; left_ns is None where it has no deadline."""

    id: str
    kind: str
    state: str
    begins_ns: Time
    left_ns: Time | None

    @property
    def in_force(self) -> bool:
        """Return whether it acts now."""
        return self.state == IN_FORCE


class Processor(msgspec.Struct, frozen=True):
    """How long all processors of a host have worked, and could have, since it booted."""

    busy_ns: Time
    all_ns: Time


class AgentStatus(msgspec.Struct, frozen=True):
    """An agent's status, as far as it is shown; a host may send anything for it."""

    trial: str
    faults: list[FaultSeen]
    lease_left_ns: Time
    processor: Processor


class HostSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One host, as it was when it was asked last.

    seen_ns is the controller's wall clock when its agent last answered, None: it never did.
    problem says why the agent does not answer now; what else is told is then of that time.
    """

    host: str
    seen_ns: int | None = None
    problem: str = "not asked yet"
    deployed: bool = True
    agent: AgentStatus | None = None
    node: NodeStatus | None = None
    node_problem: str = ""
    cpu: float | None = None
    """The share of its processors that was busy between the last two answers."""

    @property
    def up(self) -> bool:
        """Return whether its agent answers."""
        return not self.problem

    @property
    def faults(self) -> list[FaultSeen]:
        """Return its faults that are in force, and those that are still to begin."""
        faults = self.agent.faults if self.agent and self.up else []
        return [each for each in faults if each.state in (IN_FORCE, *WAITS)]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host said when it was asked at heard_ns of the controller's wall clock."""

    agent: Reply
    node: NodeStatus | RunError | None
    heard_ns: int


def after(before: HostSeen, answer: Answer) -> HostSeen:
    """Return what is known of a host now; one that does not answer keeps what it said last."""
    if answer.agent.problem:
        deployed = answer.agent.reason != NOT_DEPLOYED
        return msgspec.structs.replace(before, problem=answer.agent.problem, deployed=deployed)
    try:
        agent = msgspec.convert(answer.agent.ok, AgentStatus)
    except msgspec.ValidationError as error:
        problem = f"the agent's status cannot be read ({error}); run slotlab deploy"
        return msgspec.structs.replace(before, problem=problem, deployed=True)
    return HostSeen(
        host=before.host,
        seen_ns=answer.heard_ns,
        problem="",
        agent=agent,
        node=answer.node if isinstance(answer.node, NodeStatus) else None,
        node_problem=str(answer.node) if isinstance(answer.node, RunError) else "",
        cpu=_share(before.agent.processor, agent.processor) if before.agent else None,
    )


def late(seen: HostSeen) -> HostSeen:
    """Return what is known of a host that was asked long ago and has not answered yet."""
    return msgspec.structs.replace(seen, problem=seen.problem or "it was asked, and is silent")


def _share(before: Processor, now: Processor) -> float | None:
    """Return which share was busy meanwhile; None where that cannot be told (no time, a boot)."""
    busy_ns, all_ns = now.busy_ns - before.busy_ns, now.all_ns - before.all_ns
    return busy_ns / all_ns if 0 <= busy_ns <= all_ns and all_ns > 0 else None


def badness(seen: HostSeen) -> int:
    """Return how much a host needs to be looked at: 3 gone, 2 no node, 1 something is wrong, 0."""
    node = seen.node
    if not seen.up:
        return 3
    if node is None:
        return 2
    wrong = why(seen) or node.health.state != HEALTHY
    return 1 if wrong else 0


def why(seen: HostSeen) -> str:
    """Return what is wrong with a node that answers, in words; "" where nothing is."""
    node = seen.node
    if node is None:
        return ""
    away = ", ".join(peer.host for peer in node.unlinked)
    clock = "" if node.clock.verified else (node.clock.reason or "clock unverified")
    return "; ".join(part for part in (clock, away and f"no link to {away}") if part)


def worst_first(hosts: Iterable[HostSeen]) -> list[HostSeen]:
    """Return the hosts, those that need to be looked at first; alike ones in their order."""
    return sorted(hosts, key=badness, reverse=True)
