"""What tc and the packet queue show of a delay, compared with what was asked of each peer."""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path
from typing import Any

from faults.host import nft_readback
from faults.host.runner import output
from faults.kinds.delay.delay import JITTER, Delay, PeerDelay
from faults.kinds.delay.netem import netem_handle
from faults.model.evidence import Evidence, verdict
from faults.model.fault import SECOND_NS, HostContext

QUEUES_FILE = Path("/proc/net/netfilter/nfnetlink_queue")
NETEM_ROUNDING_NS = 2_000
"""tc takes microseconds and the kernel keeps ticks of 64 ns."""

FILTERS_A_PEER = 4
_FLOW = re.compile(r"flowid (\w+:\w+)")
_MATCH = re.compile(r"match ([0-9a-f]+/[0-9a-f]+ at \d+)")


def read_delay(fault: Delay, context: HostContext) -> Evidence:
    """Return whether the delay is in place as asked: each peer's delay, jitter and filters."""
    if fault.way(context) == "netem":
        return _netem(fault, context)
    queue = bound_queue(context.queue_num)
    data: dict[str, object] = {"queue": queue, "queue_num": context.queue_num}
    if not queue:
        return verdict("no delayer holds the queue", data)
    rules, wrong = _queue_rules(fault, context)
    return verdict(wrong, {**data, "rules": rules})


def count_delay(fault: Delay, context: HostContext) -> dict[str, object]:
    """Return how many packets were held so far, and by what."""
    if fault.way(context) == "netem":
        return {"qdisc": own_qdiscs(fault.interface, context.token)}
    return {"queue": bound_queue(context.queue_num), "delayer": _stats(context)}


def delay_gone(fault: Delay, context: HostContext) -> str:
    """Return what of a delay in force is missing now, "" when nothing is."""
    if fault.way(context) == "netem":
        gone = "" if own_qdiscs(fault.interface, context.token) else "the qdisc was gone"
        return gone or _no_jitter(fault, context)
    return "" if bound_queue(context.queue_num) else "the delayer had ended"


def delay_left(fault: Delay, context: HostContext) -> str:
    """Return what of a healed delay is still there, "" when nothing is."""
    if fault.way(context) == "netem":
        return "qdisc" if own_qdiscs(fault.interface, context.token) else ""
    own = context.token in output(("nft", "list", "ruleset"))[1]
    return " ".join(["rules"] * own + ["delayer"] * bool(bound_queue(context.queue_num)))


def root_qdisc(interface: str) -> tuple[str, str]:
    """Return kind and handle of an interface's root qdisc; ("", "") when it cannot be read."""
    for each in qdiscs(interface):
        if each.get("root"):
            return str(each.get("kind", "")), str(each.get("handle", ""))
    return "", ""


def foreign_qdisc(interface: str) -> str:
    """Return the root qdisc that somebody has put on an interface, "" when it is the kernel's own
    (handle 0).
    """
    kind, handle = root_qdisc(interface)
    return "" if handle in ("", "0:") else f"{kind} {handle}"


def qdiscs(interface: str, *, stats: bool = False) -> list[dict[str, Any]]:
    """Return an interface's qdiscs as tc prints them."""
    show = ("qdisc", "show", "dev", interface)
    code, text, _ = output(("tc", *(("-s",) if stats else ()), "-j", *show))
    if code != 0:
        return []
    try:
        found = json.loads(text or "[]")
        return [each for each in found if isinstance(each, dict)]
    except (ValueError, TypeError):
        # For some of other people's it prints text for JSON; whose the root is must be known.
        return _of_text(output(("tc", *show))[1])


def _of_text(text: str) -> list[dict[str, Any]]:
    """Return kind, handle and place of each qdisc that tc shows in words."""
    lines = (line.split() for line in text.splitlines() if line.startswith("qdisc "))
    return [
        {"kind": words[1], "handle": words[2], "root": "root" in words}
        for words in lines
        if len(words) > 2
    ]


def own_qdiscs(interface: str, token: str) -> list[dict[str, Any]]:
    """Return an interface's qdiscs when the root is the one of this arming, else none."""
    kind, handle = root_qdisc(interface)
    own = (kind, handle) == ("prio", f"{netem_handle(token)}:")
    return qdiscs(interface, stats=True) if own else []


def queue_numbers() -> set[int]:
    """Return the packet queues somebody has bound."""
    try:
        lines = QUEUES_FILE.read_text().splitlines()
    except OSError:
        return set()
    return {int(line.split()[0]) for line in lines if line.split()}


def bound_queue(queue_num: int) -> dict[str, object]:
    """Return the kernel's figures of a bound queue, {} when nobody holds it."""
    try:
        rows = [line.split() for line in QUEUES_FILE.read_text().splitlines()]
    except OSError:
        return {}
    names = ("waiting", "queue_dropped", "user_dropped", "packets")
    for row in rows:
        if len(row) >= 8 and int(row[0]) == queue_num:
            figures = (int(row[2]), int(row[5]), int(row[6]), int(row[7]))
            return dict(zip(names, figures, strict=True))
    return {}


def steered(text: str) -> dict[str, list[set[str]]]:
    """Return from tc's listing of u32 filters, by flow id, each filter's matches."""
    found: dict[str, list[set[str]]] = {}
    for block in re.split(r"^filter ", text, flags=re.MULTILINE):
        flow = _FLOW.search(block)
        if flow:
            found.setdefault(flow[1], []).append(set(_MATCH.findall(block)))
    return found


def address_matches(address: str) -> set[str]:
    """Return the u32 matches that pick packets to an address, as tc prints them."""
    ip = ipaddress.ip_address(address)
    start = 16 if ip.version == 4 else 24
    words = [ip.packed[at : at + 4].hex() for at in range(0, len(ip.packed), 4)]
    return {f"{word}/ffffffff at {start + 4 * n}" for n, word in enumerate(words)}


def _netem(fault: Delay, context: HostContext) -> Evidence:
    own = own_qdiscs(fault.interface, context.token)
    data: dict[str, object] = {"qdisc": own}
    if not own:
        return verdict("no netem", data)
    by_flow = {
        str(each.get("parent")): each.get("options", {}).get("delay", {})
        for each in own
        if each.get("kind") == "netem"
    }
    words = ("tc", "filter", "show", "dev", fault.interface)
    code, text, error = output((*words, "parent", f"{netem_handle(context.token)}:"))
    if code:
        return verdict(f"tc filter show: {error.strip()[:200]}", data)
    filters = steered(text)
    wrong = [_wrong(peer, by_flow, filters, fault) for peer in fault.delays(context)]
    wrong.append(_no_jitter(fault, context))
    return verdict("; ".join(each for each in wrong if each), data)


def _no_jitter(fault: Delay, context: HostContext) -> str:
    """Return what is wrong with the helper that moves netem's delay, "" when none is due."""
    pid_file = fault.jitter_pid_file(context)
    if pid_file is None:
        return ""
    try:
        words = Path(f"/proc/{int(pid_file.read_text())}/cmdline").read_bytes()
    except (OSError, ValueError):
        words = b""
    return "" if JITTER.encode() in words else "the jitter had ended"


def _wrong(
    peer: PeerDelay,
    by_flow: dict[str, dict[str, float]],
    filters: dict[str, list[set[str]]],
    fault: Delay,
) -> str:
    wanted = address_matches(peer.address)
    flows = {flow: sum(wanted <= each for each in found) for flow, found in filters.items()}
    flow = max(flows, key=lambda name: flows[name], default="")
    if flows.get(flow, 0) != FILTERS_A_PEER:
        return f"{peer.host}: {flows.get(flow, 0)} of {FILTERS_A_PEER} filters"
    found = by_flow.get(flow, {})
    moved_ns, drawn_ns = (peer.jitter_ns, 0) if fault.ordered else (0, peer.jitter_ns)
    for name, asked_ns, off_ns in (("delay", peer.delay_ns, moved_ns), ("jitter", drawn_ns, 0)):
        have_ns = round(float(found.get(name, 0)) * SECOND_NS)
        if abs(have_ns - asked_ns) > off_ns + NETEM_ROUNDING_NS:
            return f"{peer.host}: {name} is {have_ns} ns, not {asked_ns} ns"
    return ""


def _queue_rules(fault: Delay, context: HostContext) -> tuple[int, str]:
    """Return how many rules lead to the delayer, and what is wrong with them."""
    peers = [peer.address for peer in fault.delays(context)]
    if "nft_queue" in context.capabilities:
        found = nft_readback.read_table(context.table, {"slow_in": peers}, 1, context.deadline_ns)
        return len(peers), found.reason
    have = want = 0
    chain = f"SLOTLAB_{context.token}"
    for program, version in (("iptables-save", 4), ("ip6tables-save", 6)):
        count = sum(ipaddress.ip_address(address).version == version for address in peers)
        if count:
            want += count * FILTERS_A_PEER + 1
            text = output((program, "-t", "mangle"))[1]
            have += sum(
                line.startswith(f"-A {chain} ") or line == f"-A PREROUTING -j {chain}"
                for line in text.splitlines()
            )
    return have, "" if have == want else f"{have} of {want} queue rules in place"


def _stats(context: HostContext) -> dict[str, object]:
    try:
        data = json.loads((context.run_dir / f"delay-{context.token}.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
