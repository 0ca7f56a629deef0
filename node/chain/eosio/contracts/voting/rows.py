"""The rows of FIO's delegation: rules, producers, voters, addresses, and the last election."""

from typing import Literal

import msgspec

from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.fio_rules import FioRules
from node.chain.model.operation import OpenBlock
from node.chain.state.state import State, Table

Outcome = Literal["", "proposed", "unchanged", "waits", "shorter", "nobody"]
"""What came of the last check of the schedule; "" before the first."""


class Producer(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A producer, once registered; key is b"" while it is not active. position: 0 came first."""

    position: int
    key: bytes
    active: bool = True
    votes: int = 0
    url: str = ""
    location: int = 0


class Voter(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Whom an account votes for, itself or through a proxy, and with what weight.

    producers: by name. weight: what counts for each of them, or goes to the proxy. proxied: what
    others gave this account, which counts while it is a proxy.
    """

    producers: tuple[str, ...] = ()
    proxy: str = ""
    is_proxy: bool = False
    is_auto_proxy: bool = False
    weight: int = 0
    proxied: int = 0


class Address(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A FIO address: whose it is, and how many bundled units are left."""

    owner: str
    units: int


class Election(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What one check of the schedule leaves to the next.

    activated_s: when enough had voted (unix), 0 before. checked_slot: of the last check. size: how
    many producers the last proposed schedule has. top: who was elected at the last check, most
    votes first.
    """

    size: int
    activated_s: int = 0
    checked_slot: int = 0
    top: tuple[str, ...] = ()
    outcome: Outcome = ""


RULES = Table("fio_rules", str, FioRules)
"""Under THE_ONE: the constants of a chain whose accounts vote; another chain has no row."""
PRODUCERS = Table("producers", str, Producer)
VOTERS = Table("voters", str, Voter)
ADDRESSES = Table("addresses", str, Address)
DOMAINS = Table("domains", str, int)
"""A domain to the time at which it expires (unix); one that never does has no row."""
LOCKS = Table("locks", str, int)
"""Account to what of its balance is locked and cannot vote."""
VOTED = Table("voted", str, int)
"""Under THE_ONE: the weight of all who vote for producers themselves."""
ELECTION = Table("election", str, Election)
"""Under THE_ONE."""
THE_ONE = "fio"

TABLES = (RULES, PRODUCERS, VOTERS, ADDRESSES, DOMAINS, LOCKS, VOTED, ELECTION)


def rules_of(block: OpenBlock) -> FioRules:
    """Return the constants of FIO's delegation on the chain.

    Raises:
        TransactionRejected: accounts do not vote on it.
    """
    rules = block.state.get(RULES, THE_ONE)
    if rules is None:
        raise TransactionRejected(Reason.NO_DELEGATION)
    return rules


def address_of(account: str, rules: FioRules) -> str:
    """Return the FIO address that an account of the genesis has."""
    return f"{account}@{rules.domain}"


def domain_lives(state: State, rules: FioRules, time_s: int, grace_s: int) -> bool:
    """Return whether the chain's domain is not expired, or expired at most grace_s ago."""
    expires_s = state.get(DOMAINS, rules.domain)
    return expires_s is None or time_s <= expires_s + grace_s


def require_domain(block: OpenBlock, rules: FioRules, *, grace_s: int = 0) -> None:
    """Check that the chain's domain is not expired, or expired at most grace_s ago.

    Raises:
        TransactionRejected: it expired longer ago.
    """
    if not domain_lives(block.state, rules, block.time_s, grace_s):
        raise TransactionRejected(Reason.DOMAIN_EXPIRED)
