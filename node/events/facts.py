"""What a block did, as every node tells alike: operations, elections, fees, pay.

Such facts enter `action_mroot`, so that state that differs shows in a header.
"""

from typing import Literal, TypeAlias

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
    """An account is a candidate, or a proxy, or is it no longer; key: that signs its blocks."""

    num: Count
    account: str
    role: Literal["producer", "proxy", "witness", "committee"]
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


class Opinion(Record, frozen=True, kw_only=True, tag="opinion"):
    """An account with so much stake said in block num whom it approves of, and how many it wants.

    proxy: whose opinion counts instead of its own, "" for nobody's. It matters at maintenance.
    workers: by number; hard_forks: by name, by number where the software does not know it.
    """

    num: Count
    account: str
    proxy: str
    witnesses: list[str]
    committee: list[str]
    num_witness: Count
    num_committee: Count
    stake: Whole
    workers: list[Count] = field(default_factory=list)
    hard_forks: list[str] = field(default_factory=list)


class WitnessesElected(Record, frozen=True, kw_only=True, tag="witnesses_elected"):
    """Maintenance in block num let these witnesses be active, most votes first.

    tally: the votes of every candidate; out: why the others are not elected; stake: of all
    accounts, in units of the core asset.
    """

    num: Count
    witnesses: list[str]
    tally: dict[str, Whole]
    out: dict[str, str]
    stake: Whole


class CommitteeElected(Record, frozen=True, kw_only=True, tag="committee_elected"):
    """Maintenance in block num let these members be the committee, most votes first.

    weights: what each weighs in its decisions, which need threshold; the others as for witnesses.
    """

    num: Count
    members: list[str]
    weights: dict[str, Count]
    threshold: Count
    tally: dict[str, Whole]
    out: dict[str, str]
    stake: Whole


class FeeChanged(Record, frozen=True, kw_only=True, tag="fee_changed"):
    """Block num set what an endpoint costs, in SUF, to the median of so many producers' votes."""

    num: Count
    endpoint: str
    before: Count
    amount: Count
    votes: Count


class FeesPaid(Record, frozen=True, kw_only=True, tag="fees_paid"):
    """What operations cost accounts until block num, since it was told last, in units.

    by_account: those who paid.
    """

    num: Count
    by_account: dict[str, Count]


class Paid(Record, frozen=True, kw_only=True, tag="paid"):
    """Block num paid an account out of the treasury, in SUF.

    On BitShares an account claimed, in units, what it had earned as witness or worker.
    """

    num: Count
    what: Literal["producer", "provider", "foundation", "witness", "worker"]
    account: str
    amount: Count


class Budgeted(Record, frozen=True, kw_only=True, tag="budgeted"):
    """Maintenance in block num said what may be spent until the next one, in units.

    reserve: all there was, with the collected fees and what was unused of the budget before;
    spendable: of it, in all; for_witnesses: of that; to_workers: what each got of it at once;
    earned: what each witness did for its blocks since this was told last. Both vest, to be claimed.
    """

    num: Count
    reserve: Count
    collected: Count
    unused: Count
    spendable: Count
    for_witnesses: Count
    to_workers: dict[str, Count] = field(default_factory=dict)
    earned: dict[str, Count] = field(default_factory=dict)


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


class Proposed(Record, frozen=True, kw_only=True, tag="proposed"):
    """An account proposed in block num that parameters change: by name, what to.

    proposal: its number. frozen_s, expires_s: seconds of the chain from which nobody can approve it
    any more, and at which it is judged.
    """

    num: Count
    proposal: Count
    account: str
    changes: dict[str, str]
    frozen_s: Count
    expires_s: Count


class Approved(Record, frozen=True, kw_only=True, tag="approved"):
    """An account approved a proposal, or took its approval back (withdrawn)."""

    num: Count
    proposal: Count
    account: str
    withdrawn: bool


class ProposalEnded(Record, frozen=True, kw_only=True, tag="proposal_ended"):
    """A proposal is gone with block num.

    outcome: executed, so that its parameters wait for the next maintenance; unauthorized, as the
    committee of now does not approve it; failed, as the chain cannot have its parameters; deleted
    by who proposed it. approved_by: those of the committee who approved it; committee: all of it.
    """

    num: Count
    proposal: Count
    outcome: Literal["executed", "unauthorized", "failed", "deleted"]
    approved_by: list[str] = field(default_factory=list)
    committee: list[str] = field(default_factory=list)


class ParametersInForce(Record, frozen=True, kw_only=True, tag="parameters"):
    """Block num put these parameters in force: all slots after its own are theirs.

    slot: that block's. fees: units of each word of an operation that costs something, before
    fee_per_kbyte; percents are parts of 10,000; seconds are the chain's.
    """

    num: Count
    slot: Count
    block_interval_s: Count
    maintenance_interval_s: Count
    maintenance_skip_slots: Count
    max_block_bytes: Count
    review_period_s: Count
    max_proposal_lifetime_s: Count
    max_time_until_expiration_s: Count
    max_witness_count: Count
    max_committee_count: Count
    fees: dict[str, Count]
    fee_per_kbyte: Count
    network_percent: Count
    pay_mode: str
    pay_percent: Count
    witness_pay_per_block: Count
    worker_budget_per_day: Count


class RandomNumber(Record, frozen=True, kw_only=True, tag="random"):
    """Operations of block num read this random number, which its parent's secret has made."""

    num: Count
    value: str


class Raffled(Record, frozen=True, kw_only=True, tag="raffled"):
    """A raffle of an account's in block num gave so many units to the winner."""

    num: Count
    account: str
    winner: str
    amount: Count


class HardForkChanged(Record, frozen=True, kw_only=True, tag="hard_fork"):
    """What became of a hard fork in block num.

    scheduled: approved, and before its time; cleared: no longer so; active: its rule holds from the
    next block on, by_urgency because two thirds of the witnesses wanted it at once; refused: its
    time came and it was not approved. approval of all stake voted for it at the last maintenance;
    ready and urgent of the active witnesses (of_witnesses) said so in their newest blocks.
    """

    num: Count
    hard_fork: str
    state: Literal["scheduled", "cleared", "active", "refused"]
    by_urgency: bool
    approval: Whole
    stake: Whole
    ready: Count
    urgent: Count
    of_witnesses: Count


class Noted(Record, frozen=True, kw_only=True, tag="noted"):
    """An account left a note in block num, which a hard fork allows."""

    num: Count
    account: str
    text: str


Fact: TypeAlias = (
    Schedule
    | Voted
    | Proxied
    | Registered
    | Activated
    | Elected
    | Opinion
    | WitnessesElected
    | CommitteeElected
    | FeeChanged
    | FeesPaid
    | Paid
    | Budgeted
    | PaySchedule
    | Proposed
    | Approved
    | ProposalEnded
    | ParametersInForce
    | RandomNumber
    | Raffled
    | HardForkChanged
    | Noted
)
"""The closed union of facts."""
