"""What only a chain with FIO's delegation has: the constants of PROTOCOL B.11, each settable.

Amounts are SUF. Defaults are FIO's; a lab of four producers sets its own to elect at all.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from node.chain.model.schedule import MAX_PRODUCERS

FIO_SUF = 1_000_000_000
"""Units of the core asset in 1 FIO."""
DAY_S = 86_400
MAX_RESERVE = (1 << 59) - 1
"""The most SUF that may be minted for one purpose: no balance ever has more than 62 bits."""
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,60}[a-z0-9])?")
MAX_UNITS = 1_000_000
"""The most operations that a bundle may be worth."""


class VoteLock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A general lock: so much of an account's balance, which votes only with can_vote.

    Ours never opens, and says only what votes: what is locked can be moved.
    """

    account: str
    """Whose balance it is."""
    amount: int
    """How much of it is locked."""
    can_vote: bool = False
    """Whether that votes all the same."""


class FeeRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fees in SUF, their split in percent, and the votes on them (PROTOCOL B.8, B.9)."""

    fees: dict[str, int] = {}
    """What operations cost at the start, by the words of acts; nothing for what is not named."""
    foundation_percent: int = 5
    """The foundation's part of a fee."""
    staking_percent: int = 25
    """The part of a fee that stakers get."""
    provider_percent: int = 10
    """The part of a fee that the technology provider gets whom it names."""
    bounty_percent: int = 40
    """What is minted for that provider besides, in percent of the fee."""
    bounty_cap: int = 125_000_000 * FIO_SUF
    """The most that is ever minted so."""
    multiplier_pause_s: int = 120
    """How long a producer waits between two votes on the multiplier."""
    fee_vote_pause_s: int = 3_600
    """How long a producer waits between two votes on fees."""
    bundle_vote_pause_s: int = 120
    """How long a producer waits between two votes on bundles."""
    voting_rank: int = 150
    """Up to which rank by votes a producer may vote on fees."""
    median_votes: int = 15
    """How many values make a median, of fees and of bundles."""
    bundle_units: int = 100
    """How many operations an address gets for nothing, without a median."""
    fees_per_call: int = 10
    """How many fees one `compute_fees` works out."""

    def problem(self) -> str | None:
        """Return why no chain can have these."""
        parts = (self.foundation_percent, self.staking_percent, self.provider_percent)
        if min(parts) < 0 or sum(parts) > 100 or not 0 <= self.bounty_percent <= 100:
            return "fees: the parts of a fee must be 0 or more and 100 percent at most together"
        pauses = (self.multiplier_pause_s, self.fee_vote_pause_s, self.bundle_vote_pause_s)
        if min(self.voting_rank, self.median_votes, self.fees_per_call) < 1 or min(pauses) < 0:
            return "fees: ranks and counts must be 1 or more, pauses 0 or more"
        if not 0 <= self.bundle_units <= MAX_UNITS:
            return f"fees: bundle_units must be 0..{MAX_UNITS}"
        if not all(0 <= amount <= MAX_RESERVE for amount in (*self.fees.values(), self.bounty_cap)):
            return f"fees: fees and bounty_cap must be 0..{MAX_RESERVE} SUF"
        return None


class PayRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What producers, technology providers, foundation and staking get (PROTOCOL B.8)."""

    paid: int = 42
    """How many producers a pay schedule has."""
    active: int = 21
    """How many of them, at most, share the active part."""
    active_percent: int = 40
    """The part of the pot that those share."""
    standby_percent: int = 60
    """The part of the pot that all share, by votes."""
    bucket_parts: int = 365
    """One of so many parts of the bucket goes to the pot when a schedule is built."""
    pot_least: int = 50_000 * FIO_SUF
    """What the pot is topped up to."""
    pot_cap: int = 20_000_000 * FIO_SUF
    """The most that is ever minted for that."""
    foundation_daily: int = 150_000 * FIO_SUF
    """What is minted for the foundation each day."""
    foundation_cap: int = 181_253_654 * FIO_SUF
    """The most that is ever minted for it."""
    staking_daily: int = 25_000 * FIO_SUF
    """What is minted for stakers each day."""
    staking_cap: int = 25_000_000 * FIO_SUF
    """The most that is ever minted for them."""
    claim_pause_s: int = 14_400
    """How long a producer waits between two claims."""
    schedule_age_s: int = DAY_S + 1
    """How old a pay schedule is when the next may be built."""
    schedule_step_s: int = DAY_S
    """By how much the timer of pay schedules moves on with each."""
    provider_pause_s: int = 60
    """How long a technology provider waits between two claims."""
    providers_per_call: int = 100
    """How many providers one `claim_for_providers` pays."""
    provider_least: int = 100 * FIO_SUF
    """The least that a provider is paid."""
    foundation_account: str = ""
    """Who is paid what the foundation gets; left out, it stays in the treasury."""

    def problem(self, accounts: frozenset[str]) -> str | None:
        """Return why no chain with these accounts can have these."""
        parts = (self.active_percent, self.standby_percent)
        if min(parts) < 0 or sum(parts) > 100:
            return "pay: active_percent and standby_percent must be 0 or more, 100 at most together"
        counts = (self.paid, self.active, self.bucket_parts, self.providers_per_call)
        if min(*counts, self.schedule_age_s, self.schedule_step_s) < 1:
            return "pay: counts, parts and the schedule's age and step must be 1 or more"
        if min(self.claim_pause_s, self.provider_pause_s, self.provider_least) < 0:
            return "pay: pauses and provider_least must be 0 or more"
        caps = (self.pot_cap, self.foundation_cap, self.staking_cap)
        sums = (self.pot_least, self.foundation_daily, self.staking_daily)
        if not all(0 <= amount <= MAX_RESERVE for amount in (*caps, *sums)):
            return f"pay: amounts must be 0..{MAX_RESERVE} SUF"
        if self.foundation_account not in ("", *accounts):
            return f"pay: foundation_account {self.foundation_account} is no account"
        return None


class FioRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Registering, voting and electing (PROTOCOL B.1 to B.7), and the parts above.

    What FIO has and this chain has not: votes are whole SUF and follow every change exactly, so
    there is no smallest change that is forwarded; grants and memory have no numbers here.
    """

    elected: int = 21
    """How many producers are scheduled at most."""
    votes: int = 30
    """How many producers one vote may name."""
    activation: int = 65_000_000 * FIO_SUF
    """How many SUF must have voted before anybody is elected."""
    schedule_check_slots: int = 120
    """How many slots pass between two checks for another schedule."""
    initial: Literal["full", "system"] = "full"
    """Who signs until the first elected schedule is active: all producers of the genesis, or the
    first of them alone."""
    domain: str = "lab"
    """The domain of all addresses."""
    domain_expires_s: int | None = None
    """How long after the genesis block that domain expires; left out, never."""
    domain_grace_s: int = 30 * DAY_S
    """How long after that producers may still register and be claimed for, and proxies be
    chosen."""
    url_bytes: int = 512
    """How many bytes the shortest URL has that is too long."""
    faithful_autoproxy_bug: bool = False
    """Whether a weight stays with the proxy that an account was switched away from, as upstream."""
    locks: list[VoteLock] = []
    """Parts of balances that vote only where they may."""
    fees: FeeRules = FeeRules()
    """Fees, their split, and the votes on them."""
    pay: PayRules = PayRules()
    """What producers, technology providers, foundation and staking get."""

    def problem(self, producers: int, accounts: frozenset[str]) -> str | None:
        """Return why no chain with so many first producers and these accounts can have them."""
        if not 1 <= self.elected <= MAX_PRODUCERS:
            return f"elected must be 1..{MAX_PRODUCERS}"
        if self.initial == "full" and self.elected < producers:
            return (
                f"elected is {self.elected}, less than the {producers} producers of the start, and"
                " no schedule is shorter than the one before; raise it, or say initial: system"
            )
        if self.activation < 1:
            return "activation must be 1 or more"
        if self.schedule_check_slots < 0:
            return "schedule_check_slots must be 0 or more"
        if self.votes < 1:
            return "votes must be 1 or more"
        if not _DOMAIN.fullmatch(self.domain):
            return "domain must be 1 to 62 of a to z, 0 to 9 and -, which is not at an end"
        if self.domain_expires_s is not None and self.domain_expires_s < 0:
            return "domain_expires_s must be 0 or more"
        amiss = self.fees.problem() or self.pay.problem(accounts)
        if amiss:
            return amiss
        locked = [lock.account for lock in self.locks]
        for lock in self.locks:
            if lock.account not in accounts or locked.count(lock.account) > 1 or lock.amount < 1:
                return f"locks: {lock.account} must be an account, locked once and for 1 or more"
        return None
