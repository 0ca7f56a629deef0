"""nft tables that pick the node's flows: a table of our own, sets with timeouts, one rule a flow.

The table is put in place with empty sets, which does nothing; adding elements makes the fault real
in one transaction, and their timeout lets the kernel itself end it when nobody runs any more. A
table is named with its family. In one of inet both IPv4 and IPv6 are always ready: a cut of IPv4
alone leaks by IPv6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faults.model.fault import Command, addresses

RULES_EACH = 2
"""The node's port as destination, and as source alone: a packet meets one rule."""
_HALVES = {"ip": ("", "ipv4_addr"), "ip6": ("6", "ipv6_addr")}
"""By family: what a set's name ends with, and what it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One base chain: what it does with the node's packets whose side is in the set.

    The set's IPv6 half is called the same with a 6 behind it. resets: TCP is answered with a reset,
    and only the rest meets the verdict.
    """

    hook: str
    set_name: str
    verdict: str
    side: str = "saddr"
    priority: int = -10
    interface: str = ""
    resets: bool = False

    @property
    def verdicts(self) -> tuple[tuple[str, str], ...]:
        """Return what each of its rules looks for, and what becomes of that.

        A reset itself passes: at the other end it is the answer to what was sent from here.
        """
        if self.resets:
            return (
                ("tcp flags & rst == 0", "reject with tcp reset"),
                ("meta l4proto udp", self.verdict),
            )
        return (("meta l4proto { tcp, udp }", self.verdict),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """What a table picks: packets of a port, and by set the addresses that its chains look up."""

    port: int
    chains: tuple[Chain, ...]
    members: Mapping[str, Sequence[str]]

    @property
    def rules(self) -> int:
        """Return how many rules its chains have for each family."""
        return sum(RULES_EACH * len(chain.verdicts) for chain in self.chains)


def define(table: str, node_port: int, chains: Sequence[Chain]) -> Command:
    """Return the command that puts the table in place with its sets empty."""
    families = families_of(table)
    sets = "".join(
        f"  set {chain.set_name}{suffix} {{\n    type {kind}\n    flags timeout\n  }}\n"
        for suffix, kind in (_HALVES[family] for family in families)
        for chain in chains
    )
    text = "".join(_chain(chain, node_port, families) for chain in chains)
    return Command(("nft", "-f", "-"), stdin=f"table {table} {{\n{sets}{text}}}\n")


def families_of(table: str) -> tuple[str, ...]:
    """Return the families whose packets a table sees."""
    family = table.split()[0]
    return tuple(_HALVES) if family == "inet" else (family,)


def fill(table: str, members: Mapping[str, Sequence[str]], for_ns: int) -> tuple[Command, ...]:
    """Return the one transaction that adds each set's addresses until for_ns from then, if any."""
    timeout_ms = -(-for_ns // 1_000_000)
    timeout = f" timeout {timeout_ms}ms" if timeout_ms else ""
    text = "".join(
        f"add element {table} {name} {{ {', '.join(a + timeout for a in values)} }}\n"
        for name, values in halves(members).items()
        if values
    )
    return (Command(("nft", "-f", "-"), stdin=text),) if text else ()


def empty(table: str, members: Mapping[str, Sequence[str]]) -> Command:
    """Return the command that empties the sets; no packet meets a verdict from then on."""
    suffixes = [_HALVES[family][0] for family in families_of(table)]
    names = [f"{name}{suffix}" for suffix in suffixes for name in members]
    flush = "; ".join(f"flush set {table} {name}" for name in names)
    return Command(("nft", flush), may_fail=True)


def drop(table: str) -> Command:
    """Return the command that removes the table."""
    return Command(("nft", "delete", "table", *table.split()), may_fail=True)


def halves(members: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the addresses by set, IPv4 sets first, then their IPv6 halves."""
    split = {name: addresses(list(values)) for name, values in members.items()}
    return {name: four for name, (four, _) in split.items()} | {
        f"{name}6": six for name, (_, six) in split.items()
    }


def _chain(chain: Chain, node_port: int, families: Sequence[str]) -> str:
    here = f'iifname "{chain.interface}" ' if chain.interface else ""
    rules = "".join(
        f"    {here}{family} {chain.side} @{chain.set_name}{_HALVES[family][0]} {what} {ports}"
        f" counter {verdict}\n"
        for family in families
        for what, verdict in chain.verdicts
        for ports in (f"th dport {node_port}", f"th dport != {node_port} th sport {node_port}")
    )
    head = f"    type filter hook {chain.hook} priority {chain.priority}; policy accept;\n"
    return f"  chain {chain.hook} {{\n{head}{rules}  }}\n"
