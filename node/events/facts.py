"""What a block did, as every node tells alike: operations, elections, fees, pay.

Such facts enter `action_mroot`, so that state that differs shows in a header.
"""

from typing import Literal

from msgspec import field

from node.events.record import Count, Record, Whole


class Schedule(Record, frozen=True, kw_only=True, tag="schedule"):
    """A producer schedule was proposed, became pending or became active with block num."""

    version: Count
    state: Literal["proposed", "pending", "active"]
    num: Count
    producers: list[str]


class Voted(Record, frozen=True, kw_only=True, tag="voted"):
    """An account voted for producers itself, none to take its vote back, with so much weight."""

    num: Count
    account: str
    producers: list[str]
    weight: Whole


class Proxied(Record, frozen=True, kw_only=True, tag="proxied"):
    """An account's weight goes to a proxy; automatic: because of the technology provider used."""

    num: Count
    account: str
    proxy: str
    weight: Whole
    automatic: bool = False


class Registered(Record, frozen=True, kw_only=True, tag="registered"):
    """An account is a producer, with that key to sign blocks, or a proxy, or is it no longer."""

    num: Count
    account: str
    role: Literal["producer", "proxy"]
    active: bool
    key: str = ""


class Activated(Record, frozen=True, kw_only=True, tag="activated"):
    """Enough have voted, with so much weight: from block num on producers are elected."""

    num: Count
    weight: Whole


class Elected(Record, frozen=True, kw_only=True, tag="elected"):
    """A check of the schedule in block num had another result than the one before.

    producers: the elected, by name; standby: by votes; tally: the votes of both; out: why others
    are neither. outcome: proposed as the schedule, or why not: unchanged, waits (for an earlier
    proposal), shorter than the last one, nobody.
    """

    num: Count
    outcome: str
    producers: list[str]
    standby: list[str] = field(default_factory=list)
    tally: dict[str, Whole] = field(default_factory=dict)
    out: dict[str, str] = field(default_factory=dict)


class FeeChanged(Record, frozen=True, kw_only=True, tag="fee_changed"):
    """Block num set what an endpoint costs, in SUF, to the median of so many producers' votes."""

    num: Count
    endpoint: str
    before: Count
    amount: Count
    votes: Count


class Paid(Record, frozen=True, kw_only=True, tag="paid"):
    """Block num paid an account out of the treasury, in SUF."""

    num: Count
    what: Literal["producer", "provider", "foundation"]
    account: str
    amount: Count


class PaySchedule(Record, frozen=True, kw_only=True, tag="pay_schedule"):
    """Block num let producers, most votes first, claim from the pot.

    The figures are SUF: what the treasury's pots hold then, and all ever minted for each.
    """

    num: Count
    producers: list[str]
    pot: Count
    bucket: Count
    foundation: Count
    staking: Count
    minted_pot: Count
    minted_foundation: Count
    minted_staking: Count
    minted_bounty: Count
