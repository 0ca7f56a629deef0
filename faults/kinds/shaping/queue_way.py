"""A layer by a packet queue, on packets arriving: the holder, the rules that lead to it, evidence.

The rules are nft's where it has queues, else iptables'. Each layer has a queue of its own: a packet
that one lets go meets the next hook of the kernel, and there the queue of the next layer. Chains of
nft are such hooks, and so are tables of iptables, of which each layer has its place in another.
"""

import ipaddress
from pathlib import Path

from faults.host import flow_table
from faults.host.flow_table import RULES_EACH, Chain
from faults.host.helper_process import Helper
from faults.host.nft_readback import read_table
from faults.host.runner import output
from faults.kinds.shaping.packet_queue import Spec
from faults.kinds.shaping.shape import Shaped
from faults.model.fault import Command, Evidence, HostContext, Recipe, addresses, verdict
from faults.model.kind import LAYERS_MAX

HOLDER = "faults.kinds.shaping.packet_queue"
QUEUES_FILE = Path("/proc/net/netfilter/nfnetlink_queue")
PLACES = (
    ("mangle", "PREROUTING"), ("mangle", "INPUT"), ("raw", "PREROUTING"), ("filter", "INPUT"),
)  # fmt: skip
"""By layer: the table of iptables whose chain leads to its queue."""
assert len(PLACES) == LAYERS_MAX
TABLES = tuple(dict.fromkeys(table for table, _ in PLACES))
DROP_TABLE = (
    'nft list table "$1" "$2" 2>/dev/null | grep -v -e "^table" -e "^[[:space:]]*}*$"'
    ' -e "chain [A-Z]* {$" -e "type [a-z]* hook" | grep -q . || nft delete table "$1" "$2"'
)
"""Deletes table $2 of family $1 unless it holds a rule; for one that was not there before us."""


def recipe(fault: Shaped, context: HostContext) -> Recipe:
    """Return how to prepare (start the holder, make the rules), inject (lead packets to it),
    release (lead no more to it) and remove (take rules and holder away).
    """
    if "nft_queue" in context.capabilities:
        return _by_nft(fault, context)
    return _by_iptables(fault, context)


def read_back(fault: Shaped, context: HostContext) -> Evidence:
    """Return whether the holder has its queue and every rule leads there."""
    queue = queues().get(context.queue_num, {})
    data: dict[str, object] = {"queue": queue, "queue_num": context.queue_num}
    if not queue:
        return verdict("nobody holds the queue", data)
    rules, wrong = _queue_rules(fault, context)
    return verdict(wrong, {**data, "rules": rules})


def counters(fault: Shaped, context: HostContext) -> dict[str, object]:
    """Return what was done so far, by kernel and holder; of what is lost, as rules of nft count."""
    stats = _helper(context).stats()
    found: dict[str, object] = {"queue": queues().get(context.queue_num, {}), "holder": stats}
    if any(each.loss_ppm for each in fault.treated):
        found |= {"seen": stats.get("seen", 0), "dropped": {"input": stats.get("lost", 0)}}
    return found


def ended_early(_fault: Shaped, context: HostContext) -> str:
    """Return whether the holder has ended."""
    return "" if queues().get(context.queue_num, {}) else "the holder had ended"


def left_over(_fault: Shaped, context: HostContext) -> str:
    """Return which of rules and holder are still there, "" when neither is."""
    own = context.token in output(("nft", "list", "ruleset"))[1]
    return " ".join(["rules"] * own + ["holder"] * bool(queues().get(context.queue_num, {})))


def queues() -> dict[int, dict[str, int]]:
    """Return the packet queues that somebody has bound, by number, with the kernel's figures."""
    try:
        rows = [line.split() for line in QUEUES_FILE.read_text().splitlines()]
    except OSError:
        return {}
    columns = {"waiting": 2, "queue_dropped": 5, "user_dropped": 6, "packets": 7}
    return {
        int(row[0]): {name: int(row[n]) for name, n in columns.items()}
        for row in rows
        if len(row) > max(columns.values())
    }


def _holder(fault: Shaped, helper: Helper) -> tuple[Command, Command]:
    """Return the commands that start the holder and wait for it."""
    spec = Spec(
        queue_num=helper.context.queue_num, seed=fault.seed,
        begin_boottime_ns=fault.begin_ns(helper.context), until_boottime_ns=helper.until_ns,
        stats_file=str(helper.stats_file), pid_file=str(helper.pid_file),
        sources=fault.treated, trace=fault.trace,
    )  # fmt: skip
    return helper.start(spec), helper.ready(helper.pid_file)


def _helper(context: HostContext) -> Helper:
    return Helper(HOLDER, "shape", context)


def _by_nft(fault: Shaped, context: HostContext) -> Recipe:
    helper = _helper(context)
    chain = Chain(
        hook="prerouting",
        set_name="slow_in",
        verdict=f"queue num {context.queue_num} bypass",
        priority=-150,
        interface=fault.interface,
    )
    members = {"slow_in": fault.senders}
    return Recipe(
        how="ingress queue",
        prepare=(
            *_holder(fault, helper),
            flow_table.define(context.table, fault.node_port, (chain,)),
        ),
        inject=flow_table.fill(context.table, members, fault.for_ns or 0),
        release=(flow_table.empty(context.table, members),),
        remove=(helper.stop(), flow_table.drop(context.table), helper.forget()),
    )


def _by_iptables(fault: Shaped, context: HostContext) -> Recipe:
    helper = _helper(context)
    chain, (table, hook) = f"SLOTLAB_{context.token}", PLACES[fault.layer]
    prepare = [*_holder(fault, helper)]
    inject: list[Command] = []
    release: list[Command] = []
    remove: list[Command] = []
    for program, family, group in zip(
        ("iptables", "ip6tables"), ("ip", "ip6"), addresses(fault.senders), strict=True
    ):
        if not group:
            continue
        rules = "".join(
            f"-A {chain} -i {fault.interface} -s {address} -p {protocol} --{port}"
            f" {fault.node_port} -j NFQUEUE --queue-num {context.queue_num} --queue-bypass\n"
            for address in group
            for protocol in ("tcp", "udp")
            for port in ("dport", "sport")
        )
        text = f"*{table}\n:{chain} - [0:0]\n{rules}COMMIT\n"
        tables = (program, "-w", "5", "-t", table)
        restore = Command((f"{program}-restore", "-w", "5", "--noflush"), stdin=text)
        prepare.append(fault.alone(context, restore))
        inject.append(Command((*tables, "-I", hook, "1", "-j", chain)))
        release.append(Command((*tables, "-D", hook, "-j", chain), may_fail=True))
        remove.append(Command((*tables, "-F", chain), may_fail=True))
        remove.append(Command((*tables, "-X", chain), may_fail=True))
        if table not in context.tables:
            drop = ("/bin/sh", "-c", DROP_TABLE, "drop", family, table)
            remove.append(fault.alone(context, Command(drop, may_fail=True)))
    return Recipe(
        how="ingress queue",
        prepare=tuple(prepare),
        inject=tuple(inject),
        release=tuple(release),
        remove=(helper.stop(), *remove, helper.forget()),
    )


def _queue_rules(fault: Shaped, context: HostContext) -> tuple[int, str]:
    """Return how many rules lead to the holder, and what is wrong with them."""
    peers = fault.senders
    if "nft_queue" in context.capabilities:
        found = read_table(context.table, {"slow_in": peers}, RULES_EACH, context.deadline_ns)
        return len(peers), found.reason
    have = want = 0
    chain, (table, hook) = f"SLOTLAB_{context.token}", PLACES[fault.layer]
    for program, version in (("iptables-save", 4), ("ip6tables-save", 6)):
        count = sum(ipaddress.ip_address(address).version == version for address in peers)
        if count:
            want += count * 2 * RULES_EACH + 1  # TCP and UDP, and what leads there.
            text = output((program, "-t", table))[1]
            have += sum(
                line.startswith(f"-A {chain} ") or line == f"-A {hook} -j {chain}"
                for line in text.splitlines()
            )
    return have, "" if have == want else f"{have} of {want} queue rules in place"
