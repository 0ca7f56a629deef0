"""No word of an inventory has two meanings, and no two hosts share an address."""

import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.inventory.values import InventoryError, reaches_others

SELECTOR_WORDS = {
    "one": "Any host that produces, drawn by the seed.",
    "all": "All hosts.",
    "minority": "Hosts with as many producers as may be absent while the rest reach a quorum.",
    "majority": "As few hosts as reach a quorum.",
    "f": "The same as minority.",
    "f+1": "Hosts with one producer more than that.",
}
"""A campaign chooses hosts by these (harness.plan.selectors): nothing else may be named so."""


def check_addresses(path: Path, addresses: Mapping[str, str]) -> None:
    """Refuse data addresses at which the hosts cannot reach each other.

    Raises:
        InventoryError: an address is another's, stays on its host, or is of another family.
    """
    owners: dict[str, str] = {}
    first = next(iter(addresses))
    for host, address in addresses.items():
        other = owners.setdefault(address, host)
        if other != host:
            problem = f"has the data address of {other}, {address}"
            raise InventoryError(f"{path}: host {host}: {problem}; set slotlab_address")
        if len(addresses) > 1 and not reaches_others(ipaddress.ip_address(address)):
            problem = f"its data address {address} is of no use to the other hosts"
            remedy = "set slotlab_address to the one they reach it at"
            raise InventoryError(f"{path}: host {host}: {problem}; {remedy}")
        if (":" in address) != (":" in addresses[first]):
            both = f"{first} has {addresses[first]}, {host} {address}"
            remedy = "give all a slotlab_address of one family"
            raise InventoryError(f"{path}: data addresses of IPv4 and IPv6: {both}; {remedy}")


def check_words(
    path: Path, hosts: Sequence[str], groups: Mapping[str, Sequence[str]], zones: Mapping[str, str]
) -> None:
    """Refuse a name of a host, group or zone that stands for two sets of hosts in a campaign.

    groups: members by name; zones: the zone of each host that has one.

    Raises:
        InventoryError: a name is a selector's word, or means two things.
    """
    meanings: dict[str, tuple[str, set[str]]] = {host: ("host", {host}) for host in hosts}
    inside: dict[str, set[str]] = {}
    for host, zone in zones.items():
        inside.setdefault(zone, set()).add(host)
    named = [("group", name, set(members)) for name, members in groups.items()]
    for what, name, members in (*named, *(("zone", zone, own) for zone, own in inside.items())):
        other, meant = meanings.setdefault(name, (what, members))
        if meant != members:
            problem = f"{what} {name}: there is a {other} {name} of other hosts"
            raise InventoryError(f"{path}: {problem}; rename one, as campaigns name both alike")
    for name, (what, _) in meanings.items():
        if name in SELECTOR_WORDS:
            words = ", ".join(SELECTOR_WORDS)
            problem = f"{what} {name}: campaigns choose hosts by that word ({words})"
            raise InventoryError(f"{path}: {problem}; use another name")
