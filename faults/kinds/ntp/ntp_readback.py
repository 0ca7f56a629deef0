"""What the host shows of an NTP fault: the servers are asked by the way others take and past it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from faults.host.boottime import boottime_ns
from faults.host.clock.ntp_client import MARK, ask
from faults.host.nft_readback import dropped
from faults.host.runner import output
from faults.model.evidence import Evidence, verdict
from faults.model.fault import SECOND_NS, HostContext

TIMEOUT_S = 0.4
ERROR_NS = 2_000_000
"""How far the measured lie may be from the one asked, beside the bounds of its samples."""


def read_lie(servers: Sequence[str], by_ns: int, context: HostContext) -> Evidence:
    """Return whether the servers' answers are off by what was asked."""
    left_s = ((context.deadline_ns or 0) - boottime_ns()) / SECOND_NS
    timeout_s = min(TIMEOUT_S, left_s / 5)
    lied, true = ask(servers, timeout_s), ask(servers, timeout_s, mark=MARK)
    offsets = {server: true[server].offset_ns - lied[server].offset_ns
               for server in lied if server in true}  # fmt: skip
    bounds = {server: lied[server].rtt_ns + true[server].rtt_ns for server in offsets}
    data: dict[str, object] = {
        "servers": {server: {"ntp_offset_ns": offset_ns, "bound_ns": bounds[server]}
                    for server, offset_ns in offsets.items()},
        "relay": _stats(context),
    }  # fmt: skip
    if not offsets:
        return verdict("no server answered by the relay and past it", data)
    data["ntp_offset_ns"] = sorted(offsets.values())[len(offsets) // 2]
    wrong = [server for server, offset_ns in offsets.items()
             if abs(offset_ns - by_ns) > ERROR_NS + bounds[server]]  # fmt: skip
    return verdict(f"{', '.join(wrong)} not off by what was asked" if wrong else "", data)


def count_lie(context: HostContext) -> dict[str, object]:
    """Return the questions and answers relayed, and the packets redirected."""
    return {"relay": _stats(context), "redirected": dropped(context.table)}


def lie_gone(context: HostContext) -> str:
    """Return why the lie is not told any more, "" when it is."""
    if output(("nft", "list", "table", "inet", context.table))[0]:
        return f"table {context.table} was gone"
    return "" if _relay_runs(context) else "the relay had ended"


def stats_file(context: HostContext) -> Path:
    """Return the file in which the relay counts."""
    return context.run_dir / f"ntp-relay-{context.token}.json"


def pid_file(context: HostContext) -> Path:
    """Return the file that names the relay's process."""
    return context.run_dir / f"ntp-relay-{context.token}.pid"


def _relay_runs(context: HostContext) -> bool:
    try:
        return Path(f"/proc/{int(pid_file(context).read_text())}").is_dir()
    except (OSError, ValueError):
        return False


def _stats(context: HostContext) -> dict[str, object]:
    try:
        data = json.loads(stats_file(context).read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
