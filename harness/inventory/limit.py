"""Some hosts of a lab instead of all: what `--limit` says, in the way of Ansible's patterns."""

import fnmatch
import re
from dataclasses import replace

from harness.errors import UsageError, nearest
from harness.inventory.inventory import Inventory

EVERY = ("all", "*")


def limited(inventory: Inventory, pattern: str) -> Inventory:
    """Return the lab with only the hosts that the pattern names, in inventory order.

    pattern: hosts, groups and zones with commas or colons between; `*` and `?` stand for letters,
    `!x` leaves x out, `&x` keeps only what is in x, too. Empty: all hosts.

    Raises:
        UsageError: it names nothing that is there, or leaves no host.
    """
    words = [word for word in re.split(r"[,:\s]+", pattern) if word]
    if not words:
        return inventory
    names = [host.name for host in inventory.hosts]
    members = _members(inventory)
    try:
        named = {word: _named(word.lstrip("!&"), members) for word in words}
    except ValueError as error:
        raise UsageError(f"{inventory.path}: {error}") from error
    plain = [word for word in words if word[0] not in "!&"]
    chosen = set[str]().union(*(named[word] for word in plain)) if plain else set(names)
    for word in words:
        if word[0] == "!":
            chosen -= named[word]
        elif word[0] == "&":
            chosen &= named[word]
    if not chosen:
        there = ", ".join(names)
        raise UsageError(f"{inventory.path}: {pattern} leaves no host; there are {there}")
    hosts = tuple(host for host in inventory.hosts if host.name in chosen)
    return replace(inventory, hosts=hosts, whole=inventory.lab_hosts)


def _members(inventory: Inventory) -> dict[str, set[str]]:
    """Return the hosts by each name that stands for some."""
    found: dict[str, set[str]] = {}
    for host in inventory.hosts:
        for name in (host.name, *host.groups, *([host.zone] if host.zone else ())):
            found.setdefault(name, set()).add(host.name)
    return found


def _named(word: str, members: dict[str, set[str]]) -> set[str]:
    every = set[str]().union(*members.values())
    if word in EVERY:
        return every
    fits = fnmatch.filter(members, word)
    if not fits:
        raise ValueError(f"no host, group or zone {word!r}; {nearest(word, list(members))}")
    return set[str]().union(*(members[name] for name in fits))
