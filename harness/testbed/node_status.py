"""What a node said of itself through its host's agent, read totally: a host may send anything."""

from __future__ import annotations

import binascii

import msgspec

from harness.errors import RunError
from harness.remote.agent_channel import Reply

LINKED = ("handshaked", "synced")


class PeerStatus(msgspec.Struct, frozen=True):
    """How the node sees another one."""

    host: str
    state: str

    @property
    def linked(self) -> bool:
        """Return whether the two have greeted each other."""
        return self.state in LINKED


class ClockStatus(msgspec.Struct, frozen=True):
    """What the node's NTP check found; reason says why a clock is not verified."""

    verified: bool
    offset_ns: int | None = None
    reason: str | None = None


class NodeStatus(msgspec.Struct, frozen=True):
    """A node's status, as far as it is shown or waited for."""

    head_num: int
    lib_num: int
    mempool: int
    peers: list[PeerStatus]
    clock: ClockStatus

    @property
    def linked(self) -> int:
        """How many peers have exchanged greetings with the node."""
        return sum(peer.linked for peer in self.peers)


class _Answer(msgspec.Struct, frozen=True):
    answer: bytes


def read_status(reply: Reply) -> NodeStatus:
    """Return the status in an agent's reply to {"op": "node", "ask": "status"}.

    Raises:
        RunError: why there is none: the agent was not reached, the node does not answer, or what
            it sent is no status.
    """
    if reply.ok is None:
        match reply.reason:
            case "no_node":
                raise RunError("no node answers there")
            case "node_silent":
                raise RunError(f"the node hangs: {reply.detail}")
        raise RunError(reply.problem)
    try:
        body = msgspec.convert(reply.ok, _Answer).answer
        return msgspec.msgpack.decode(body, type=NodeStatus)
    except (msgspec.MsgspecError, binascii.Error, ValueError, RecursionError) as error:
        raise RunError(f"the node's status cannot be read: {error}") from error
