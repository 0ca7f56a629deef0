"""Judges hosts together: what they must have in common, and what each must have alone. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.inventory.inventory import Host
from harness.preflight.rows import LAB, Row, Verdict
from harness.testbed import cards


def rows(found: Mapping[str, Mapping[str, Any]], stamps: Mapping[str, str]) -> list[Row]:
    """Return the findings on all hosts together; stamps is the deployed version of each."""

    def values(key: str) -> dict[str, str]:
        return {host: str(facts["machine"][key]) for host, facts in found.items()}

    remedy = "bring them to one version; results of mixed hosts mix causes"
    made = [
        _same("kernel", values("kernel"), remedy),
        _same("distribution", values("system"), remedy),
        _same("Python", values("python"), remedy),
        _same("slotlab", dict(stamps), "slotlab deploy"),
    ]
    zones = {host: str(facts["clock"]["zone"]) for host, facts in found.items()}
    if len(set(zones.values())) > 1:
        made.append(Row(LAB, "time zone", "ok", f"{_groups(zones)}; slotlab counts in UTC"))
    return [row for row in made if row is not None]


def _same(what: str, by_host: Mapping[str, str], remedy: str) -> Row | None:
    versions = set(by_host.values())
    if not versions:
        return None
    if len(versions) == 1:
        return Row(LAB, f"same {what}", "ok", versions.pop())
    return Row(LAB, f"same {what}", "warn", _groups(by_host), remedy)


def _groups(by_host: Mapping[str, str]) -> str:
    """Return each value with the hosts that have it; the commonest is not spelled out."""
    counted = Counter(by_host.values()).most_common()
    parts = [f"{counted[0][0]} on {counted[0][1]}"]
    for value, _ in counted[1:]:
        parts.append(f"{value} on {', '.join(h for h, each in by_host.items() if each == value)}")
    return "; ".join(parts)


_OWN: dict[str, tuple[Verdict, str, str]] = {
    "boot": (
        "fail", "are one machine (one boot)", "correct ansible_host of one, or leave it out"
    ),
    "machine-id": (
        "warn",
        "have one machine-id (a copied card?): DHCP may give them one address",
        "on each but one: rm /etc/machine-id; systemd-machine-id-setup; reboot",
    ),
    "SSH host key": (
        "warn",
        "have one SSH host key (a copied card?): each can pose as the other",
        "on each but one: rm /etc/ssh/ssh_host_*; dpkg-reconfigure openssh-server",
    ),
    "host name": ("warn", "have one host name: their logs look alike", "hostnamectl hostname NEW"),
}  # fmt: skip


def identity_rows(
    hosts: Sequence[Host], found: Mapping[str, Mapping[str, Any]], lab: str
) -> list[Row]:
    """Return the findings on who the hosts are; containers of one machine share its boot."""
    known = {host.name: cards.read(found[host.name]["cards"]) for host in hosts}
    made = [*_copies(hosts, found, lab), *_addresses(hosts, known), *_networks(hosts, known)]
    return made or [Row(LAB, "identity", "ok", "each host is a machine of its own")]


def _copies(
    hosts: Sequence[Host], found: Mapping[str, Mapping[str, Any]], lab: str
) -> Iterator[Row]:
    for what, (verdict, detail, remedy) in _OWN.items():
        if what == "boot" and lab == "container":
            continue
        values = {host.name: str(found[host.name]["identity"].get(what, "")) for host in hosts}
        for names in _alike(values):
            yield Row(LAB, what, verdict, f"{' and '.join(names)} {detail}", remedy)


def _addresses(hosts: Sequence[Host], known: Mapping[str, Sequence[cards.Card]]) -> Iterator[Row]:
    """Yield who else has a host's data address, or the hardware address of its card."""
    for host in hosts:
        for other in hosts:
            card = cards.holder(known[other.name], host.address)
            if other is host or card is None:
                continue
            if cards.holder(known[host.name], host.address):
                detail = f"{other.name} has {host.address} of {host.name}, too (on {card.name})"
                yield Row(LAB, "data address", "fail", detail, "give each host its own address")
            else:
                detail = f"not {host.name} has {host.address}, but {other.name}"
                remedy = "are ansible_host or slotlab_address of the two mixed up?"
                yield Row(LAB, "data address", "fail", detail, remedy)
    macs = {}
    for host in hosts:
        card = cards.data_card(host, known[host.name])
        macs[host.name] = card.mac if card else ""
    for names in _alike(macs):
        detail = f"{' and '.join(names)} have one hardware address, {macs[names[0]]}"
        yield Row(LAB, "hardware address", "fail", detail, "ip link set CARD address NEW on one")


def _networks(hosts: Sequence[Host], known: Mapping[str, Sequence[cards.Card]]) -> Iterator[Row]:
    """Yield what keeps large packets from passing between the data cards."""
    sizes = {
        host.name: card.mtu
        for host in hosts
        if (card := cards.data_card(host, known[host.name])) and card.mtu
    }
    if len(set(sizes.values())) > 1:
        each = ", ".join(f"{size} on {name}" for name, size in sizes.items())
        remedy = "ip link set CARD mtu N: one size on all hosts and switches between them"
        yield Row(LAB, "MTU", "warn", f"the data cards differ: {each}", remedy)


def _alike(values: Mapping[str, str]) -> list[list[str]]:
    """Return the groups of hosts that have one value; what is not known is like nothing."""
    groups: dict[str, list[str]] = {}
    for name, value in values.items():
        if value:
            groups.setdefault(value, []).append(name)
    return [names for names in groups.values() if len(names) > 1]
