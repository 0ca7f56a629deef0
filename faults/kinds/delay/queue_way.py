"""A delay by a packet queue, on packets arriving: the delayer, the rules that lead to it, evidence.

The rules are nft's where it has queues, else iptables'.
"""

import ipaddress
from pathlib import Path

from faults.host import flow_table
from faults.host.flow_table import RULES_A_CHAIN, Chain
from faults.host.helper_process import Helper
from faults.host.nft_readback import read_table
from faults.host.runner import output
from faults.kinds.delay.delay_queue import Source, Spec
from faults.kinds.delay.held import Held
from faults.model.fault import Command, Evidence, HostContext, Recipe, addresses, verdict

DELAYER = "faults.kinds.delay.delay_queue"
QUEUES_FILE = Path("/proc/net/netfilter/nfnetlink_queue")
DROP_MANGLE = (
    'nft list table "$1" mangle 2>/dev/null | grep -v -e "^table" -e "^[[:space:]]*}*$"'
    ' -e "chain [A-Z]* {$" -e "type [a-z]* hook" | grep -q . || nft delete table "$1" mangle'
)
"""Deletes the mangle table of family $1 unless it holds a rule; for one that was not there before
us.
"""


def recipe(fault: Held, context: HostContext) -> Recipe:
    """Return how to prepare (start the delayer, make the rules), inject (lead packets to it),
    release (lead no more to it) and remove (take rules and delayer away).
    """
    if "nft_queue" in context.capabilities:
        return _by_nft(fault, context)
    return _by_iptables(fault, context)


def read_back(fault: Held, context: HostContext) -> Evidence:
    """Return whether the delayer holds its queue and every rule leads there."""
    queue = queues().get(context.queue_num, {})
    data: dict[str, object] = {"queue": queue, "queue_num": context.queue_num}
    if not queue:
        return verdict("no delayer holds the queue", data)
    rules, wrong = _queue_rules(fault, context)
    return verdict(wrong, {**data, "rules": rules})


def counters(_fault: Held, context: HostContext) -> dict[str, object]:
    """Return how many packets were held so far, by kernel and delayer."""
    return {"queue": queues().get(context.queue_num, {}), "delayer": _helper(context).stats()}


def ended_early(_fault: Held, context: HostContext) -> str:
    """Return whether the delayer has ended."""
    return "" if queues().get(context.queue_num, {}) else "the delayer had ended"


def left_over(_fault: Held, context: HostContext) -> str:
    """Return which of rules and delayer are still there, "" when neither is."""
    own = context.token in output(("nft", "list", "ruleset"))[1]
    return " ".join(["rules"] * own + ["delayer"] * bool(queues().get(context.queue_num, {})))


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


def _delayer(fault: Held, helper: Helper) -> tuple[Command, Command]:
    """Return the commands that start the delayer and wait for it."""
    spec = Spec(
        queue_num=helper.context.queue_num, seed=fault.seed, until_boottime_ns=helper.until_ns,
        stats_file=str(helper.stats_file), pid_file=str(helper.pid_file),
        sources=[Source(each.address, each.delay_ns, each.jitter_ns) for each in fault.peers],
    )  # fmt: skip
    return helper.start(spec), helper.ready(helper.pid_file)


def _helper(context: HostContext) -> Helper:
    return Helper(DELAYER, "delay", context)


def _by_nft(fault: Held, context: HostContext) -> Recipe:
    helper = _helper(context)
    chain = Chain(
        hook="prerouting",
        set_name="slow_in",
        verdict=f"queue num {context.queue_num} bypass",
        priority=-150,
        interface=fault.interface,
    )
    members = {"slow_in": [each.address for each in fault.peers]}
    return Recipe(
        how="ingress queue",
        prepare=(
            *_delayer(fault, helper),
            flow_table.define(context.table, fault.node_port, (chain,)),
        ),
        inject=flow_table.fill(context.table, members, fault.for_ns or 0),
        release=(flow_table.empty(context.table, members),),
        remove=(helper.stop(), flow_table.drop(context.table), helper.forget()),
    )


def _by_iptables(fault: Held, context: HostContext) -> Recipe:
    helper = _helper(context)
    chain = f"SLOTLAB_{context.token}"
    prepare = [*_delayer(fault, helper)]
    inject: list[Command] = []
    release: list[Command] = []
    remove: list[Command] = []
    for program, family, group in zip(
        ("iptables", "ip6tables"),
        ("ip", "ip6"),
        addresses([each.address for each in fault.peers]),
        strict=True,
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
        text = f"*mangle\n:{chain} - [0:0]\n{rules}COMMIT\n"
        mangle = (program, "-w", "5", "-t", "mangle")
        prepare.append(Command((f"{program}-restore", "-w", "5", "--noflush"), stdin=text))
        inject.append(Command((*mangle, "-I", "PREROUTING", "1", "-j", chain)))
        release.append(Command((*mangle, "-D", "PREROUTING", "-j", chain), may_fail=True))
        remove.append(Command((*mangle, "-F", chain), may_fail=True))
        remove.append(Command((*mangle, "-X", chain), may_fail=True))
        if not context.mangle_existed:
            drop = ("/bin/sh", "-c", DROP_MANGLE, "drop", family)
            remove.append(Command(drop, may_fail=True))
    return Recipe(
        how="ingress queue",
        prepare=tuple(prepare),
        inject=tuple(inject),
        release=tuple(release),
        remove=(helper.stop(), *remove, helper.forget()),
    )


def _queue_rules(fault: Held, context: HostContext) -> tuple[int, str]:
    """Return how many rules lead to the delayer, and what is wrong with them."""
    peers = [peer.address for peer in fault.peers]
    if "nft_queue" in context.capabilities:
        found = read_table(context.table, {"slow_in": peers}, 1, context.deadline_ns)
        return len(peers), found.reason
    have = want = 0
    chain = f"SLOTLAB_{context.token}"
    for program, version in (("iptables-save", 4), ("ip6tables-save", 6)):
        count = sum(ipaddress.ip_address(address).version == version for address in peers)
        if count:
            want += count * RULES_A_CHAIN + 1
            text = output((program, "-t", "mangle"))[1]
            have += sum(
                line.startswith(f"-A {chain} ") or line == f"-A PREROUTING -j {chain}"
                for line in text.splitlines()
            )
    return have, "" if have == want else f"{have} of {want} queue rules in place"
