"""NTP faults: servers whose answers lie by an offset, or do not arrive. Only these touch NTP.

The lie: this host's own questions to the servers are rewritten to a relay on loopback, and the
relay's answers back to look like the servers'. That is done packet by packet, without connection
tracking, so nothing of it stays in the kernel when the rules go. The questions of the relay itself
bear a mark and pass. Both faults are sets with a timeout: the kernel ends them by itself.
"""

import ipaddress
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from faults.host import flow_table
from faults.host.boottime import boottime_ns
from faults.host.clock.clock_daemon import forget
from faults.host.clock.ntp_client import MARK, ask
from faults.host.clock.ntp_packet import PORT
from faults.host.helper_process import Helper
from faults.host.nft_readback import dropped
from faults.host.runner import output
from faults.kinds.ntp.ntp_relay import Spec, Upstream
from faults.kinds.rules import table_left
from faults.kinds.table_fault import TableFault
from faults.model.fault import (
    SECOND_NS,
    Command,
    Evidence,
    Fault,
    HostContext,
    Offset,
    Recipe,
    Touched,
    addresses,
    verdict,
)

Servers = Annotated[list[str], Meta(min_length=1, max_length=16)]
TIMEOUT_S = 0.4
ERROR_NS = 2_000_000
"""How far the measured lie may be from the one asked, beside the bounds of its samples."""
_FIRST_PORT = 20_000
_BEFORE_TRACKING = -310


class NtpOffset(Fault, frozen=True, kw_only=True, tag="ntp_offset"):
    """The servers' time appears by_ns ahead of what it is, to everything on this host."""

    tried_by = (
        ("ntp_relay", "nft 'add table inet r; add chain inet r c { type route hook output priority "
         "-310; }; add rule inet r c ip daddr 192.0.2.1 udp dport 123 meta mark != 1 udp dport set "
         "9 ip daddr set 127.0.0.1; add rule inet r c ip6 daddr 2001:db8::1 udp dport set 9 ip6 "
         "daddr set ::1'"),
    )  # fmt: skip
    by_ns: Offset
    servers: Servers

    def __post_init__(self) -> None:
        addresses(self.servers)

    def touched(self) -> Touched:
        """Return the servers named."""
        return Touched(ntp=_canonical(self.servers))

    def upstreams(self, context: HostContext) -> list[Upstream]:
        """Return each server with the loopback end that stands for it in this arming."""
        first = _FIRST_PORT + int(context.token[:3], 16) * 3
        return [
            Upstream(
                server=server,
                listen="127.0.0.1" if ipaddress.ip_address(server).version == 4 else "::1",
                listen_port=first + number,
            )
            for number, server in enumerate(_canonical(self.servers))
        ]

    def recipe(self, context: HostContext) -> Recipe:
        """Return: relay and rules; elements; no elements; no rules, no relay."""
        helper = _relay(context)
        members = {"lied": self.servers}
        spec = Spec(
            by_ns=self.by_ns,
            mark=MARK,
            until_boottime_ns=helper.until_ns,
            pid_file=str(helper.pid_file),
            stats_file=str(helper.stats_file),
            upstreams=self.upstreams(context),
        )
        rules = _relay_table(context.table, self.upstreams(context))
        return Recipe(
            how="ntp relay",
            prepare=(
                helper.start(spec),
                Command(("nft", "-f", "-"), stdin=rules),
                helper.ready(helper.stats_file),
            ),
            inject=flow_table.fill(context.table, members, self.for_ns or 0),
            release=(flow_table.empty(context.table, members),),
            remove=(
                helper.stop(),
                flow_table.drop(context.table),
                helper.forget(),
                forget(context.token),
            ),
        )

    def read_back(self, context: HostContext) -> Evidence:
        """Return whether the servers' answers are off by what was asked.

        The servers are asked by the way that others take, and past it.
        """
        left_s = ((context.deadline_ns or 0) - boottime_ns()) / SECOND_NS
        timeout_s = min(TIMEOUT_S, left_s / 5)
        lied, true = ask(self.servers, timeout_s), ask(self.servers, timeout_s, mark=MARK)
        both = [server for server in lied if server in true]
        offsets = {each: true[each].offset_ns - lied[each].offset_ns for each in both}
        bounds = {each: lied[each].rtt_ns + true[each].rtt_ns for each in both}
        data: dict[str, object] = {
            "servers": {each: {"ntp_offset_ns": offsets[each], "bound_ns": bounds[each]}
                        for each in both},
            "relay": _relay(context).stats(),
        }  # fmt: skip
        if not both:
            return verdict("no server answered by the relay and past it", data)
        data["ntp_offset_ns"] = sorted(offsets.values())[len(offsets) // 2]
        wrong = [each for each in both if abs(offsets[each] - self.by_ns) > ERROR_NS + bounds[each]]
        return verdict(f"{', '.join(wrong)} not off by what was asked" if wrong else "", data)

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return the questions and answers relayed, and the packets redirected."""
        return {"relay": _relay(context).stats(), "redirected": dropped(context.table)}

    def ended_early(self, context: HostContext) -> str:
        """Return whether rules or relay are missing, "" when neither is."""
        if output(("nft", "list", "table", *context.table.split()))[0]:
            return f"table {context.table.split()[-1]} was gone"
        return "" if _relay(context).runs() else "the relay had ended"

    def left_over(self, context: HostContext) -> str:
        """Return the table when it is still there."""
        return table_left(context.table)


class NtpCut(TableFault, frozen=True, kw_only=True, tag="ntp_cut"):
    """No answer of the servers arrives at this host."""

    servers: Servers

    def __post_init__(self) -> None:
        addresses(self.servers)

    def touched(self) -> Touched:
        """Return the servers named."""
        return Touched(ntp=_canonical(self.servers))

    def flows(self) -> flow_table.Flows:
        """Return what arrives from the servers."""
        chain = flow_table.Chain(hook="input", set_name="ntp_in", verdict="drop")
        return flow_table.Flows(port=PORT, chains=(chain,), members={"ntp_in": self.servers})


def _relay(context: HostContext) -> Helper:
    return Helper("faults.kinds.ntp.ntp_relay", "ntp-relay", context)


def _canonical(servers: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(str(ipaddress.ip_address(each)) for each in servers))


def _relay_table(table: str, upstreams: Sequence[Upstream]) -> str:
    there, back = "", ""
    for each in upstreams:
        family, suffix = ("ip", "") if ":" not in each.server else ("ip6", "6")
        there += (
            f"    {family} daddr @lied{suffix} {family} daddr {each.server} udp dport {PORT}"
            f" meta mark != {MARK} counter udp dport set {each.listen_port}"
            f" {family} daddr set {each.listen}\n"
        )
        back += (
            f"    {family} saddr {each.listen} udp sport {each.listen_port}"
            f" counter udp sport set {PORT} {family} saddr set {each.server}\n"
        )
    return (
        f"table {table} {{\n"
        "  set lied {\n    type ipv4_addr\n    flags timeout\n  }\n"
        "  set lied6 {\n    type ipv6_addr\n    flags timeout\n  }\n"
        f"  chain there {{\n    type route hook output priority {_BEFORE_TRACKING};"
        f" policy accept;\n{there}  }}\n"
        f"  chain back {{\n    type filter hook output priority {_BEFORE_TRACKING};"
        f" policy accept;\n{back}  }}\n}}\n"
    )
