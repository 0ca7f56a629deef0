"""A layer by netem, on packets leaving: its commands, and what tc shows of it."""

import ipaddress
import re
from pathlib import Path
from typing import Any

from faults.host.helper_process import Helper
from faults.host.qdiscs import ROOT, qdiscs, root_qdisc
from faults.host.runner import output
from faults.kinds.shaping import netem
from faults.kinds.shaping.netem_jitter import Band, Spec
from faults.kinds.shaping.shape import ALL_PPM, PeerDelay, Shaped, Treated
from faults.model.distribution import FARTHEST
from faults.model.fault import SECOND_NS, Command, Evidence, HostContext, Recipe, verdict

JITTER = "faults.kinds.shaping.netem_jitter"
NETEM_ROUNDING_NS = 2_000
"""tc takes microseconds and the kernel keeps ticks of 64 ns."""

ROUNDING_SHARE = 1e-6
SHOWN = ("delay", "jitter", "loss", "r", "corrupt", "reorder", "rate")
"""The words of tc for what a layer may set."""
FILTERS_A_PEER = 4
_FLOW = re.compile(r"flowid (\w+:\w+)")
_MATCH = re.compile(r"match ([0-9a-f]+/[0-9a-f]+ at \d+)")

_JOIN = f"""\
mkdir -p "$1" && : > "$1/$2" && case $(tc qdisc show dev "$3" root) in *" {ROOT} "*) ;; *)
exec tc -batch - ;; esac"""
"""Puts layer $2 among those whose folder is $1, and makes the tree on $3 where there is none."""
_LEAVE = f"""\
rm -f "$1/$2"; rmdir "$1" 2>/dev/null && tc qdisc del dev "$3" root handle {ROOT}"""
"""Takes it away from them; the last takes the tree with it."""


def recipe(fault: Shaped, context: HostContext) -> Recipe:
    """Return how to prepare (make the tree, start the jitter's helper), inject (one batch of tc),
    release (another) and remove (the tree, by the last layer).
    """
    where = (str(context.run_dir / "layers"), context.token, fault.interface)
    helper = _helper(fault, context)
    begin, end = netem.begin_lines(fault), netem.end_lines(fault)
    tree = Command(("/bin/sh", "-c", _JOIN, "join", *where), stdin=_batch(netem.tree_lines(fault)))
    leave = Command(("/bin/sh", "-c", _LEAVE, "leave", *where), may_fail=True)
    start: tuple[Command, ...] = ()
    begun: tuple[Command, ...] = ()
    stop: tuple[Command, ...] = ()
    forget: tuple[Command, ...] = ()
    if helper is not None:
        file = str(_begun(context))
        start = (helper.start(_spec(fault, helper)), helper.ready(helper.pid_file))
        begun = (Command(("touch", file)),)
        stop, forget = (helper.stop(),), (Command(("rm", "-f", file)),)
    change = ("tc", "-force", "-batch", "-")
    return Recipe(
        how="netem",
        prepare=(fault.alone(context, tree), *start),
        inject=(Command(("tc", "-batch", "-"), stdin=_batch(begin)), *begun),
        release=(*stop, Command(change, may_fail=True, stdin=_batch(end))),
        remove=(*forget, fault.alone(context, leave)),
    )


def read_back(fault: Shaped, context: HostContext) -> Evidence:
    """Return whether each peer's netem and filters are as asked."""
    own = own_netems(fault)
    data: dict[str, object] = {"qdisc": list(own.values())}
    if not own:
        return verdict("no netem", data)
    code, text, error = output(("tc", "filter", "show", "dev", fault.interface, "parent", ROOT))
    if code:
        return verdict(f"tc filter show: {error.strip()[:200]}", data)
    filters = steered(text)
    wrong = [_unled(fault, peer, filters) or _wrong(fault, peer, own) for peer in fault.treated]
    wrong.append(_no_jitter(fault, context))
    return verdict("; ".join(each for each in wrong if each), data)


def counters(fault: Shaped, _context: HostContext) -> dict[str, object]:
    """Return how many packets each of the layer's netems has let pass so far, also for others."""
    return {"qdisc": list(own_netems(fault).values())}


def ended_early(fault: Shaped, context: HostContext) -> str:
    """Return what of a layer in force is missing now, "" when nothing is."""
    own = own_netems(fault)
    if not own:
        return "the qdisc was gone"
    wrong = (_wrong(fault, peer, own) for peer in fault.treated)
    return next((each for each in wrong if each), "") or _no_jitter(fault, context)


def left_over(fault: Shaped, _context: HostContext) -> str:
    """Return whether any of the layer's netems still does something."""
    return " ".join("netem" for each in own_netems(fault).values() if not _idle(each))


def own_netems(fault: Shaped) -> dict[str, dict[str, Any]]:
    """Return by handle the layer's netems, none where the interface's root is not ours."""
    if root_qdisc(fault.interface) != ("htb", ROOT):
        return {}
    handles = {_handle(fault, peer) for peer in fault.peers}
    found = {str(each.get("handle")): each for each in qdiscs(fault.interface, stats=True)}
    return {handle: found[handle] for handle in sorted(handles & found.keys())}


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


def _batch(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def _helper(fault: Shaped, context: HostContext) -> Helper | None:
    """Return the helper that moves netem's delay, None where none is due."""
    return Helper(JITTER, "shape", context) if _moved(fault) else None


def _moved(fault: Shaped) -> list[PeerDelay]:
    """Return the peers whose delay is another from one moment to the next."""
    return [each for each in fault.peers if each.jitter_ns or fault.trace]


def _begun(context: HostContext) -> Path:
    """Return the file that tells the helper that the fault is in force."""
    return context.run_dir / f"shape-{context.token}.begun"


def _spec(fault: Shaped, helper: Helper) -> Spec:
    bands = [
        Band(netem.of_peer(fault, each), each.delay_ns, each.jitter_ns, each.distribution)
        for each in _moved(fault)
    ]
    files = str(helper.pid_file), str(_begun(helper.context))
    begin_ns = fault.begin_ns(helper.context)
    return Spec(
        fault.interface, bands, fault.seed, helper.until_ns, *files, trace=fault.trace,
        begin_boottime_ns=begin_ns,
    )  # fmt: skip


def _no_jitter(fault: Shaped, context: HostContext) -> str:
    """Return what is wrong with the helper that moves netem's delay, "" when none is due."""
    helper = _helper(fault, context)
    return "" if helper is None or helper.runs() else "the jitter had ended"


def _handle(fault: Shaped, peer: PeerDelay) -> str:
    return netem.handle(netem.flow_of(fault.flows, peer.address), fault.layer)


def _unled(fault: Shaped, peer: PeerDelay, filters: dict[str, list[set[str]]]) -> str:
    """Return how many filters are missing that lead to a peer's netems, "" when none is."""
    wanted = address_matches(peer.address)
    flow = f"{ROOT}{netem.flow_of(fault.flows, peer.address):x}"
    have = sum(wanted <= each for each in filters.get(flow, []))
    return "" if have == FILTERS_A_PEER else f"{peer.host}: {have} of {FILTERS_A_PEER} filters"


def _wrong(fault: Shaped, peer: Treated, own: dict[str, dict[str, Any]]) -> str:
    """Return what of a peer's netem is not as asked, "" when all is."""
    found = _told(own.get(_handle(fault, peer), {}))
    moves = bool(peer.jitter_ns or fault.trace)
    held_ns, off_ns = _held(fault, peer)
    for name, asked, off in (
        ("delay", held_ns / SECOND_NS, (off_ns + NETEM_ROUNDING_NS) / SECOND_NS),
        ("jitter", 0.0, NETEM_ROUNDING_NS / SECOND_NS),
        ("loss", 0.0 if peer.burst > 1 else peer.loss_ppm / ALL_PPM, ROUNDING_SHARE),
        ("r", 1 / peer.burst if peer.burst > 1 else 0.0, ROUNDING_SHARE),
        ("corrupt", peer.corrupt_ppm / ALL_PPM, ROUNDING_SHARE),
        ("reorder", 1 - peer.reorder_ppm / ALL_PPM if peer.by_ns else 0.0, ROUNDING_SHARE),
        ("rate", 0.0 if moves else peer.bit_rate / 8, 1.0 + peer.bit_rate * 1e-6),
    ):
        have = found.get(name, 0.0)
        if name == "rate" and moves:
            continue
        if abs(have - asked) > off:
            return f"{peer.host}: {name} is {have:g}, not {asked:g}"
    return ""


def _held(fault: Shaped, peer: Treated) -> tuple[float, float]:
    """Return how long a peer's packets are held, and how much more or less it may be."""
    if not fault.trace:
        return peer.delay_ns + peer.by_ns, FARTHEST * peer.jitter_ns
    delays = [delay_ns for _, delay_ns in fault.trace]
    return (max(delays) + min(delays)) / 2, (max(delays) - min(delays)) / 2


def _idle(qdisc: dict[str, Any]) -> bool:
    return not any(_told(qdisc).values())


def _told(qdisc: dict[str, Any]) -> dict[str, float]:
    """Return what a netem is told, as tc prints it: seconds, shares, bytes a second."""
    found: dict[str, float] = {}
    for part in qdisc.get("options", {}).values():
        for name, value in part.items() if isinstance(part, dict) else ():
            if name in SHOWN and isinstance(value, int | float):
                found[name] = float(value)
    return found
