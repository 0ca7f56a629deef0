"""Which nodes of a plan run otherwise than the rest, and what is wrong with asking for it. Pure."""

import random
from collections.abc import Iterable, Sequence
from typing import Any

from harness.campaign.chain_spec import ChainSpec
from harness.campaign.model import Campaign
from harness.errors import PlanError, nearest
from harness.plan import selectors


def letters(index: int) -> str:
    """Return what names of producers and of hosts' accounts end with: a, b, ... z, ba, bb, ..."""
    found = ""
    while True:
        index, digit = divmod(index, 26)
        found = chr(ord("a") + digit) + found
        if index == 0:
            return found


def producer_names(n: int) -> list[str]:
    """Return n producer names as they are dealt: producera, ... producerz, producerba, ...

    A schedule has them in the order of the alphabet, as upstream's elections do.
    """
    return [f"producer{letters(i)}" for i in range(n)]


def of_hosts(campaign: Campaign, field: selectors.Field, *, seed: int, file: str) -> dict[str, Any]:
    """Return what a plan says of its producers and of single nodes, by field of the plan.

    Raises:
        PlanError: hosts or producers that are not there, or cannot be as they are asked to.
    """
    chain, producers = campaign.chain, sorted(producer_names(campaign.chain.producers))
    return {
        "producers": producers,
        "enable_stale_production": _stale_producers(chain, field, seed, file),
        "light": _light_nodes(chain, field, seed, file),
        "trusted_producers": _trusted_producers(chain, list(field.weights), producers, file),
        "supports": _hard_forks(chain, list(field.weights), "supports", file),
        "urgent": _hard_forks(chain, list(field.weights), "urgent", file),
        "spare_keys": _spare_keys(chain, list(field.weights), file),
    }


def _stale_producers(chain: ChainSpec, field: selectors.Field, seed: int, file: str) -> list[str]:
    """Return the hosts whose nodes may sign on a stale head, of those meant the producing ones.

    Raises:
        PlanError: no such host, group or word, or a host named itself that produces nothing.
    """
    selector = chain.enable_stale_production
    key = "enable_stale_production"
    chosen = _chosen(selector, field, seed, key, file)
    producing = [host for host in chosen if field.weights[host]]
    named = [selector] if isinstance(selector, str) else selector
    idle = [host for host in chosen if host in named and host not in producing]
    if idle or (named and not producing):
        able = _names(host for host, weight in field.weights.items() if weight)
        problem = f"{', '.join(idle or named)} produces nothing; name one of {able}"
        raise PlanError(f"{file}: chain.{key}: {problem}")
    return producing


def _light_nodes(chain: ChainSpec, field: selectors.Field, seed: int, file: str) -> list[str]:
    """Return the hosts whose nodes validate lightly.

    Raises:
        PlanError: no such host, group or word, or one of them produces (PROTOCOL A.10).
    """
    chosen = _chosen(chain.light, field, seed, "light", file)
    producing = [host for host in chosen if field.weights[host]]
    if producing:
        able = _names(host for host, weight in field.weights.items() if not weight)
        problem = (
            f"{', '.join(producing)} produces, which takes full validation; name one of {able}"
        )
        raise PlanError(f"{file}: chain.light: {problem}")
    return chosen


def _trusted_producers(
    chain: ChainSpec, hosts: Sequence[str], producers: Sequence[str], file: str
) -> dict[str, list[str]]:
    """Return, by host, the producers whose blocks' transactions its node takes on trust.

    Raises:
        PlanError: no such host or producer.
    """
    asked = chain.trusted_producers
    by_host = asked if isinstance(asked, dict) else dict.fromkeys(hosts, asked)
    for host in by_host:
        if host not in hosts:
            problem = f"no host {host} in the lab; {nearest(host, hosts)}"
            raise PlanError(f"{file}: chain.trusted_producers: {problem}")
    for trusted in by_host.values():
        _refuse_unknown(trusted, producers, f"{file}: chain.trusted_producers")
    return {host: sorted(set(trusted)) for host, trusted in by_host.items() if trusted}


def _spare_keys(chain: ChainSpec, hosts: Sequence[str], file: str) -> dict[str, list[str]]:
    """Return the names of further keys of hosts.

    Raises:
        PlanError: no such host.
    """
    for host in chain.spare_keys:
        if host not in hosts:
            problem = f"no host {host} in the lab; {nearest(host, hosts)}"
            raise PlanError(f"{file}: chain.spare_keys: {problem}")
    return {host: sorted(set(names)) for host, names in chain.spare_keys.items() if names}


def _hard_forks(
    chain: ChainSpec, hosts: Sequence[str], key: str, file: str
) -> dict[str, list[str]]:
    """Return, by host, the hard forks that its node supports, or wants at once.

    Raises:
        PlanError: no such host.
    """
    asked = getattr(chain, key)
    by_host = asked if isinstance(asked, dict) else dict.fromkeys(hosts if asked else (), asked)
    for host in by_host:
        if host not in hosts:
            problem = f"no host {host} in the lab; {nearest(host, hosts)}"
            raise PlanError(f"{file}: chain.{key}: {problem}")
    return {host: sorted(set(names)) for host, names in by_host.items()}


def _chosen(
    selector: str | list[str], field: selectors.Field, seed: int, key: str, file: str
) -> list[str]:
    rng = random.Random(f"{seed}/{key}")
    try:
        return selectors.select(selector, field, rng, {})
    except ValueError as error:
        raise PlanError(f"{file}: chain.{key}: {error}") from error


def _refuse_unknown(names: Iterable[str], producers: Sequence[str], where: str) -> None:
    for name in names:
        if name not in producers:
            raise PlanError(f"{where}: no producer {name}; {nearest(name, producers)}")


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "none: an observer is needed"
