"""NTP faults: servers whose answers lie by an offset, or do not arrive. Only these touch NTP.

The lie: this host's own questions to the servers are rewritten to a relay on loopback, and the
relay's answers back to look like the servers'. That is done packet by packet, without connection
tracking, so nothing of it stays in the kernel when the rules go. The questions of the relay itself
bear a mark and pass. Both faults are sets with a timeout: the kernel ends them by itself.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from faults.host import flow_table, helper_process
from faults.host.clock.clock_daemon import forget
from faults.host.clock.ntp_client import MARK
from faults.host.clock.ntp_packet import PORT
from faults.kinds.ntp.ntp_relay import Spec, Upstream
from faults.model.fault import (
    SECOND_NS,
    Command,
    Fault,
    FaultError,
    HostContext,
    Recipe,
    addresses,
    needs,
)

OFFSET_NS_MAX = 3600 * SECOND_NS
SERVERS_MAX = 16
RELAY = "faults.kinds.ntp.ntp_relay"
CUT_CHAINS = (flow_table.Chain(hook="input", set_name="ntp_in", verdict="drop"),)
_FIRST_PORT = 20_000
_BEFORE_TRACKING = -310


class NtpOffset(Fault, frozen=True, kw_only=True, tag="ntp_offset"):
    """The servers' time appears by_ns ahead of what it is, to everything on this host."""

    by_ns: int
    servers: list[str]

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        _check_servers(self.servers)
        if abs(self.by_ns) > OFFSET_NS_MAX:
            raise ValueError("by_ns is more than an hour")

    def kind(self) -> str:
        """Return the fault's word."""
        return "ntp_offset"

    def lasts_ns(self) -> int | None:
        """Return the length asked."""
        return self.for_ns

    def check(self, context: HostContext) -> None:
        """Raise FaultError unless packets can be rewritten here."""
        needs(context, "ntp_relay")

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

    def members(self) -> dict[str, list[str]]:
        """Return the addresses of each set of the table."""
        return {"lied": self.servers}

    def recipe(self, context: HostContext) -> Recipe:
        """Return: relay and rules; elements; no elements; no rules, no relay."""
        pid, stats = pid_file(context), stats_file(context)
        spec = Spec(
            by_ns=self.by_ns,
            mark=MARK,
            until_boottime_ns=(context.deadline_ns or 0) + helper_process.END_MARGIN_NS,
            pid_file=str(pid),
            stats_file=str(stats),
            upstreams=self.upstreams(context),
        )
        rules = _relay_table(context.table, self.upstreams(context))
        return Recipe(
            how="ntp relay",
            prepare=(
                helper_process.start(context, RELAY, spec.encode()),
                Command(("nft", "-f", "-"), stdin=rules),
                helper_process.ready(stats),
            ),
            inject=flow_table.fill(context.table, self.members(), self.for_ns or 0),
            release=(flow_table.empty(context.table, self.members()),),
            remove=(
                helper_process.stop(pid, RELAY),
                flow_table.drop(context.table),
                Command(("rm", "-f", str(stats))),
                forget(context.token),
            ),
        )


class NtpCut(Fault, frozen=True, kw_only=True, tag="ntp_cut"):
    """No answer of the servers arrives at this host."""

    servers: list[str]

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        _check_servers(self.servers)

    def kind(self) -> str:
        """Return the fault's word."""
        return "ntp_cut"

    def lasts_ns(self) -> int | None:
        """Return the length asked."""
        return self.for_ns

    def check(self, context: HostContext) -> None:
        """Raise FaultError unless nft sets with timeouts work here."""
        needs(context, "nft")

    def members(self) -> dict[str, list[str]]:
        """Return the addresses of each set of the table."""
        return {"ntp_in": self.servers}

    def recipe(self, context: HostContext) -> Recipe:
        """Return: table with empty sets; elements; no elements; no table."""
        return Recipe(
            how="nft",
            prepare=(flow_table.define(context.table, PORT, CUT_CHAINS),),
            inject=flow_table.fill(context.table, self.members(), self.for_ns or 0),
            release=(flow_table.empty(context.table, self.members()),),
            remove=(flow_table.drop(context.table),),
        )


def stats_file(context: HostContext) -> Path:
    """Return the file in which the relay counts."""
    return context.run_dir / f"ntp-relay-{context.token}.json"


def pid_file(context: HostContext) -> Path:
    """Return the file that names the relay's process."""
    return context.run_dir / f"ntp-relay-{context.token}.pid"


def overlap(faults: Sequence[NtpOffset | NtpCut]) -> FaultError | None:
    """Return the error of two NTP faults of one host at once, or None: one lie hides another."""
    ordered = sorted(faults, key=lambda fault: fault.at_ns)
    for first, second in pairwise(ordered):
        if first.for_ns is None or first.at_ns + first.for_ns > second.at_ns:
            return FaultError("overlapping_ntp_fault", f"{first.id} and {second.id} on one host")
    return None


def known_addresses(entries: Sequence[str]) -> tuple[str, ...]:
    """Return the plain addresses among a host's NTP servers; names and ports are for others."""
    found = []
    for entry in entries:
        with contextlib.suppress(ValueError):
            found.append(str(ipaddress.ip_address(entry)))
    return tuple(found)


def check_known(fault: NtpOffset | NtpCut, entries: Sequence[str]) -> None:
    """Refuse servers that this host was not deployed with.

    Raises:
        FaultError: unknown_server.
    """
    known = known_addresses(entries)
    strangers = [each for each in _canonical(fault.servers) if each not in known]
    if len(known) == len(entries) > 0 and strangers:
        raise FaultError("unknown_server", f"{fault.id}: {strangers[0]} is no NTP server of here")


def _canonical(servers: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(str(ipaddress.ip_address(each)) for each in servers))


def _check_servers(servers: Sequence[str]) -> None:
    addresses(list(servers))
    if not 0 < len(servers) <= SERVERS_MAX:
        raise ValueError(f"servers: need 1 to {SERVERS_MAX} addresses")


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
        f"table inet {table} {{\n"
        "  set lied {\n    type ipv4_addr\n    flags timeout\n  }\n"
        "  set lied6 {\n    type ipv6_addr\n    flags timeout\n  }\n"
        f"  chain there {{\n    type route hook output priority {_BEFORE_TRACKING};"
        f" policy accept;\n{there}  }}\n"
        f"  chain back {{\n    type filter hook output priority {_BEFORE_TRACKING};"
        f" policy accept;\n{back}  }}\n}}\n"
    )
