"""How a fault is done in a lab, or why it cannot be: from what hosts and provider are able to do.

Pure. The words returned are those that journals and reports print.
"""

import ipaddress
from collections.abc import Mapping, Sequence

from faults.model.columns import Kind, Way
from metrics.model.plan import SIM, PlannedFault, PlannedHost

Capabilities = Mapping[str, Mapping[str, bool]]
UNSUPPORTED = "unsupported here: "
"""How the word begins for what cannot be done; the reason follows."""
_MODULES = {"netem": "sch_netem", "nfqueue": "NFQUEUE"}


def mechanism(
    fault: PlannedFault,
    targets: Sequence[PlannedHost],
    *,
    lab: str,
    capabilities: Capabilities | None,
) -> str:
    """Return what will do the fault on its targets, or `unsupported here: ...` with the reason.

    capabilities None: the hosts were not asked yet, so that only what the inventory says counts.
    """
    row = fault.kind
    if lab == SIM and row.unsimulated:
        return f"{UNSUPPORTED}{row.word}: {row.unsimulated}; run it on hosts, with -i INVENTORY"
    if lab == SIM:
        return SIM
    if row.by == "sim":
        return f"{UNSUPPORTED}{row.word} exists in the simulator only; run with --lab sim"
    if row.by == "provider":
        return _of_provider(fault, targets)
    if row.asks_servers and (problem := _time_servers(targets)):
        return f"{UNSUPPORTED}{row.word}: {problem}"
    level = fault.asked.get("level", "")
    ways = [way for way in row.ways if way.level == level and way.fits(fault.asked)]
    if capabilities is None:
        return " or ".join(way.how for way in ways)
    # One way for the whole lab, so that each direction of a pair is done once.
    for way in ways:
        if all(_works(way, capabilities[host.host]) for host in targets):
            return way.how
    lacking = [host.host for host in targets if not _works(ways[-1], capabilities[host.host])]
    what = f"{row.word} (level: {level})" if level else row.word
    return f"{UNSUPPORTED}{what} needs {_lack(ways, lacking)}"


def of_host(
    row: Kind, level: str, host: PlannedHost, *, lab: str, capabilities: Capabilities | None
) -> tuple[str, str]:
    """Return how a kind of fault is done on one host alone and "", or "" and why it is not."""
    alone = PlannedFault(
        id=row.word, fault=row.word, at_ns=0, for_ns=None, targets=[host.host],
        asked={"level": level} if level else {}, how="",
    )  # fmt: skip
    how = mechanism(alone, [host], lab=lab, capabilities=capabilities)
    if not how.startswith(UNSUPPORTED):
        return how, ""
    return "", how.removeprefix(UNSUPPORTED).replace(f", which {host.host} lacks;", ";")


def _works(way: Way, able: Mapping[str, bool]) -> bool:
    """Return whether a host can do a fault in this way, and nothing of its owner is in it."""
    return bool(not way.needs or able.get(way.needs)) and not able.get(way.unless)


def _lack(ways: Sequence[Way], hosts: Sequence[str]) -> str:
    """Return what none of the ways is without, who lacks it, and the remedy."""
    if len(ways) > 1:
        names = " or ".join(_MODULES[way.needs] for way in ways)
        return (
            f"{names}, {', '.join(hosts)} have neither (netem also yields to a qdisc of yours);"
            " load the kernel module"
        )
    return f"{ways[0].needs}, which {hosts[0]} lacks; {ways[0].remedy}"


def _time_servers(targets: Sequence[PlannedHost]) -> str:
    for host in targets:
        if not host.ntp:
            return f"{host.host} has no time server; set slotlab_ntp"
        for server in host.ntp:
            try:
                ipaddress.ip_address(server)
            except ValueError:
                problem = f"slotlab_ntp of {host.host} has {server}"
                return f"{problem}; write its IP address alone: lies are told on port 123"
    return ""


def _of_provider(fault: PlannedFault, targets: Sequence[PlannedHost]) -> str:
    for host in targets:
        for word in (*fault.kind.power[:2], "state"):
            if word not in host.power:
                return (
                    f"{UNSUPPORTED}{fault.fault} on {host.host} needs the key"
                    f" {word} in its slotlab_power; add the command that does it"
                )
    return "provider"
