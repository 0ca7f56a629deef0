"""The network cards of a host, as its `ip -j addr` lists them, and whether its data path is there.

Pure: the text comes from the host and may be anything; check, deploy and lab init read it here.
"""

import ipaddress
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from harness.inventory.inventory import Host


class Card(NamedTuple):
    """One interface. refused: addresses that IPv6 found to be another machine's (dadfailed)."""

    name: str
    addresses: tuple[str, ...] = ()
    up: bool = True
    loopback: bool = False
    mtu: int = 0
    mac: str = ""
    refused: tuple[str, ...] = ()


def read(text: str) -> tuple[Card, ...]:
    """Return the cards that the text of `ip -j addr` lists; none when it is no such text."""
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    links = listed if isinstance(listed, list) else []
    return tuple(_card(link) for link in links if isinstance(link, dict) and _word(link, "ifname"))


def holder(cards: Sequence[Card], address: str) -> Card | None:
    """Return the card that holds the address."""
    return next((card for card in cards if address in card.addresses), None)


def data_card(host: Host, cards: Sequence[Card]) -> Card | None:
    """Return the card of the host's data path: what holds its data address."""
    return holder(cards, host.address)


def problem(host: Host, cards: Sequence[Card]) -> tuple[str, str] | None:
    """Return what is wrong with the data path of the inventory on this host, and the remedy."""
    address, named = host.address, host.interface
    if not cards:
        return "`ip -j addr` lists no interface", "apt install iproute2; look at what it prints"
    names = ", ".join(card.name for card in cards)
    if named and named not in {card.name for card in cards}:
        return f"no interface {named}; it has {names}", "correct slotlab_interface or leave it out"
    card = data_card(host, cards)
    if card is None:
        return f"no interface holds {address}", _other_addresses(cards)
    if address in card.refused:
        detail = f"{address} on {card.name} is the address of another machine, too (dadfailed)"
        return detail, "give each machine an address of its own"
    if named and named != card.name:
        detail = f"{named} does not hold {address}, {card.name} does"
        return detail, "correct slotlab_interface or leave it out"
    if card.loopback and not ipaddress.ip_address(address).is_loopback:
        detail = f"{card.name} is the loopback: delay and loss there reach no other host"
        return detail, "put the data address on a card, and set slotlab_address to it"
    if not card.up:
        return f"{card.name} is down", f"ip link set {card.name} up"
    return None


def _other_addresses(cards: Sequence[Card]) -> str:
    real = (card for card in cards if not card.loopback)
    have = ", ".join(f"{each} on {card.name}" for card in real for each in card.addresses)
    if not have:
        return "give it an address, or correct slotlab_address"
    return f"set slotlab_address to one it has: {have}"


def _card(link: dict[str, Any]) -> Card:
    flags, mtu, addresses = link.get("flags"), link.get("mtu"), list(_addresses(link))
    flags = flags if isinstance(flags, list) else []
    return Card(
        name=_word(link, "ifname"),
        addresses=tuple(address for address, _ in addresses),
        up="UP" in flags,
        loopback="LOOPBACK" in flags,
        mtu=mtu if isinstance(mtu, int) else 0,
        mac=_word(link, "address").lower() if link.get("link_type") == "ether" else "",
        refused=tuple(address for address, refused in addresses if refused),
    )


def _addresses(link: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield each address that others could send to, and whether it was found to be another's."""
    entries = link.get("addr_info")
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or entry.get("scope") == "link":
            continue
        try:
            address = ipaddress.ip_address(_word(entry, "local"))
        except ValueError:
            continue
        yield str(address), entry.get("dadfailed") is True


def _word(values: dict[str, Any], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""
