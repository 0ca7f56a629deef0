"""Partition: drop the node's data flows from and to some peers, in an nft table of our own.

The sets hold elements with a timeout: the kernel itself heals when nobody runs any more. Only the
node's port is cut (TCP, and UDP for path probes, either side), so SSH, the agent, NTP and the clock
probes pass although they share the wire. Both families are ready: an IPv4-only cut leaks by IPv6.
"""

from __future__ import annotations

from faults.fault import Command, Fault, Place, Recipe, addresses, needs

SETS = ("blk_in", "blk_out", "blk_in6", "blk_out6")


class Partition(Fault, frozen=True, kw_only=True, tag="partition"):
    """Addresses whose packets are dropped on arrival (blocked_in) and before leaving
    (blocked_out).
    """

    blocked_in: list[str]
    blocked_out: list[str]
    node_port: int

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        addresses(self.blocked_in)
        addresses(self.blocked_out)
        if not 0 < self.node_port < 65536:
            raise ValueError("node_port is outside 1..65535")

    def kind(self) -> str:
        """Return the fault's word."""
        return "partition"

    def lasts_ns(self) -> int | None:
        """Return the length asked."""
        return self.for_ns

    def check(self, place: Place) -> None:
        """Raise FaultError unless nft sets with timeouts work here."""
        needs(place, "nft")

    def recipe(self, place: Place) -> Recipe:
        """Return: table with empty sets; one transaction of elements; flush; delete the table."""
        table = f"inet {place.table}"
        in4, in6 = addresses(self.blocked_in)
        out4, out6 = addresses(self.blocked_out)
        members = zip(SETS, (in4, out4, in6, out6), strict=True)
        timeout_ms = -(-(self.for_ns or 0) // 1_000_000)
        timeout = f" timeout {timeout_ms}ms" if timeout_ms else ""
        elements = "".join(
            f"add element {table} {name} {{ {', '.join(a + timeout for a in values)} }}\n"
            for name, values in members
            if values
        )
        flush = "; ".join(f"flush set {table} {name}" for name in SETS)
        return Recipe(
            how="nft",
            prepare=(Command(("nft", "-f", "-"), stdin=_table(place.table, self.node_port)),),
            inject=(Command(("nft", "-f", "-"), stdin=elements),) if elements else (),
            release=(Command(("nft", flush), may_fail=True),),
            remove=(Command(("nft", "delete", "table", "inet", place.table), may_fail=True),),
        )


def _table(name: str, node_port: int) -> str:
    sets = "".join(
        f"  set {each} {{\n    type {'ipv6_addr' if each.endswith('6') else 'ipv4_addr'}\n"
        f"    flags timeout\n  }}\n"
        for each in SETS
    )
    return (
        f"table inet {name} {{\n{sets}"
        + _chain("input", "saddr", "blk_in", node_port)
        + _chain("output", "daddr", "blk_out", node_port)
        + "}\n"
    )


def _chain(hook: str, side: str, blocked: str, node_port: int) -> str:
    rules = "".join(
        f"    {family} {side} @{blocked}{suffix} meta l4proto {{ tcp, udp }} th {port} {node_port}"
        f" counter drop\n"
        for family, suffix in (("ip", ""), ("ip6", "6"))
        for port in ("dport", "sport")
    )
    head = f"    type filter hook {hook} priority -10; policy accept;\n"
    return f"  chain {hook} {{\n{head}{rules}  }}\n"
