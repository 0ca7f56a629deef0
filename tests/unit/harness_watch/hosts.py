"""Hosts as they answer a look, built from what differs."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from harness.orchestrator.fleet import read_status
from harness.remote.agent_channel import Reply
from harness.watch.seen import Answer, HostSeen, after
from tests.unit.harness_remote.scripted_hosts import IDLE

S = 1_000_000_000
NOON_NS = 1_795_867_200 * S
"""12:00:00 UTC of some day."""
NODE: dict[str, Any] = {
    "ok": True, "head_num": 120, "lib_num": 108, "mempool": 3,
    "peers": [{"host": "n2", "state": "synced"}, {"host": "n3", "state": "handshaked"}],
    "clock": {"verified": True, "offset_ns": 12_000, "bound_ns": 340_000, "reason": ""},
    "health": {"state": "healthy", "missed": 0, "window_slots": 48, "missed_total": 7},
}  # fmt: skip


def says(node: dict[str, Any]) -> dict[str, str]:
    """Return what an agent passes on of a node's status."""
    return {"answer": base64.b64encode(msgspec.msgpack.encode(node)).decode()}


def fault(name: str, kind: str, state: str, begins_s: int, left_s: int | None) -> dict[str, Any]:
    left_ns = None if left_s is None else left_s * S
    return {"id": name, "kind": kind, "state": state, "begins_ns": begins_s * S, "left_ns": left_ns}


def answered(
    host: str, *, heard_s: int = 0, agent: dict[str, Any] | None = None, **node: Any
) -> HostSeen:
    """Return what is known after two answers, the latter heard_s after noon."""
    seen = HostSeen(host=host)
    for second, busy_ns in ((heard_s - 2, 2 * S), (heard_s, 3 * S)):
        status = {
            **IDLE,
            **(agent or {}),
            "processor": {"busy_ns": busy_ns, "all_ns": (heard_s + second + 1000) * 2 * S},
        }
        reply = Reply(host=host, ok=says({**NODE, **node}))
        heard_ns = NOON_NS + second * S
        seen = after(seen, Answer(Reply(host=host, ok=status), read_status(reply), heard_ns))
    return seen


def gone(seen: HostSeen, reason: str, detail: str) -> HostSeen:
    """Return what is known of that host when it does not answer any more."""
    return after(seen, Answer(Reply(host=seen.host, reason=reason, detail=detail), None, NOON_NS))


def without_node(host: str, reason: str, detail: str = "") -> HostSeen:
    """Return what is known of a host whose node does not answer."""
    silent = read_status(Reply(host=host, reason=reason, detail=detail))
    return after(HostSeen(host=host), Answer(Reply(host=host, ok=IDLE), silent, NOON_NS))
