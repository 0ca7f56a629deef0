"""A delay by netem, on packets leaving: its commands, and what tc shows of it."""

import ipaddress
import re
from typing import Any

from faults.host.helper_process import Helper
from faults.host.qdiscs import qdiscs, root_qdisc
from faults.host.runner import output
from faults.kinds.delay.held import Held, PeerDelay
from faults.kinds.delay.netem import netem_bands, netem_commands, netem_handle
from faults.kinds.delay.netem_jitter import Spec
from faults.model.fault import SECOND_NS, Command, Evidence, HostContext, Recipe, verdict

JITTER = "faults.kinds.delay.netem_jitter"
NETEM_ROUNDING_NS = 2_000
"""tc takes microseconds and the kernel keeps ticks of 64 ns."""

FILTERS_A_PEER = 4
_FLOW = re.compile(r"flowid (\w+:\w+)")
_MATCH = re.compile(r"match ([0-9a-f]+/[0-9a-f]+ at \d+)")


def recipe(fault: Held, context: HostContext) -> Recipe:
    """Return how to prepare (start the jitter's helper), inject (one batch of tc), release (delete
    the root qdisc) and remove (end the helper).
    """
    batch = netem_commands(fault, context.token)
    root = ("tc", "qdisc", "del", "dev", fault.interface, "root")
    delete = (*root, "handle", f"{netem_handle(context.token)}:")
    start, stop = _jitter(fault, context)
    return Recipe(
        how="netem",
        counters_go=True,
        prepare=start,
        inject=(Command(("tc", "-batch", "-"), stdin="\n".join(batch) + "\n"),),
        release=(Command(delete, may_fail=True),),
        remove=stop,
    )


def read_back(fault: Held, context: HostContext) -> Evidence:
    """Return whether each peer's delay, jitter and filters are as asked."""
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
    wrong = [_wrong(peer, by_flow, filters) for peer in fault.peers]
    wrong.append(_no_jitter(fault, context))
    return verdict("; ".join(each for each in wrong if each), data)


def counters(fault: Held, context: HostContext) -> dict[str, object]:
    """Return how many packets each qdisc has held so far."""
    return {"qdisc": own_qdiscs(fault.interface, context.token)}


def ended_early(fault: Held, context: HostContext) -> str:
    """Return what of a delay in force is missing now, "" when nothing is."""
    gone = "" if own_qdiscs(fault.interface, context.token) else "the qdisc was gone"
    return gone or _no_jitter(fault, context)


def left_over(fault: Held, context: HostContext) -> str:
    """Return whether the qdisc is still there."""
    return "qdisc" if own_qdiscs(fault.interface, context.token) else ""


def own_qdiscs(interface: str, token: str) -> list[dict[str, Any]]:
    """Return an interface's qdiscs when the root is the one of this arming, else none."""
    kind, handle = root_qdisc(interface)
    own = (kind, handle) == ("prio", f"{netem_handle(token)}:")
    return qdiscs(interface, stats=True) if own else []


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


def _helper(fault: Held, context: HostContext) -> Helper | None:
    """Return the helper that makes netem's jitter, None where none is due."""
    wanders = any(each.jitter_ns for each in fault.peers)
    return Helper(JITTER, "delay", context) if wanders else None


def _jitter(fault: Held, context: HostContext) -> tuple[tuple[Command, ...], tuple[Command, ...]]:
    """Return the commands that start the helper that makes netem's jitter, and stop it."""
    helper = _helper(fault, context)
    if helper is None:
        return (), ()
    bands = [band for band in netem_bands(fault.peers, context.token) if band.jitter_ns]
    spec = Spec(fault.interface, bands, fault.seed, helper.until_ns, str(helper.pid_file))
    return (helper.start(spec), helper.ready(helper.pid_file)), (helper.stop(),)


def _no_jitter(fault: Held, context: HostContext) -> str:
    """Return what is wrong with the helper that moves netem's delay, "" when none is due."""
    helper = _helper(fault, context)
    return "" if helper is None or helper.runs() else "the jitter had ended"


def _wrong(
    peer: PeerDelay, by_flow: dict[str, dict[str, float]], filters: dict[str, list[set[str]]]
) -> str:
    wanted = address_matches(peer.address)
    flows = {flow: sum(wanted <= each for each in found) for flow, found in filters.items()}
    flow = max(flows, key=lambda name: flows[name], default="")
    if flows.get(flow, 0) != FILTERS_A_PEER:
        return f"{peer.host}: {flows.get(flow, 0)} of {FILTERS_A_PEER} filters"
    found = by_flow.get(flow, {})
    for name, asked_ns, off_ns in (("delay", peer.delay_ns, peer.jitter_ns), ("jitter", 0, 0)):
        have_ns = round(float(found.get(name, 0)) * SECOND_NS)
        if abs(have_ns - asked_ns) > off_ns + NETEM_ROUNDING_NS:
            return f"{peer.host}: {name} is {have_ns} ns, not {asked_ns} ns"
    return ""
