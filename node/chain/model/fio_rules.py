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
    amount: int
    can_vote: bool = False


class FeeRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fees, their split, and the votes on them (PROTOCOL B.8, B.9).

    fees: SUF of each word of an operation at the start, 0 for what is not named. Shares are
    percent. median_votes: so many values make a median, of fees and of bundles; bundle_units: what
    an address gets without one. voting_rank: by votes, up to which a producer may vote on fees.
    """

    fees: dict[str, int] = {}
    foundation_percent: int = 5
    staking_percent: int = 25
    provider_percent: int = 10
    bounty_percent: int = 40
    bounty_cap: int = 125_000_000 * FIO_SUF
    multiplier_pause_s: int = 120
    fee_vote_pause_s: int = 3_600
    bundle_vote_pause_s: int = 120
    voting_rank: int = 150
    median_votes: int = 15
    bundle_units: int = 100
    fees_per_call: int = 10

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
    """What producers, technology providers, foundation and staking get (PROTOCOL B.8).

    paid: producers of a pay schedule, of whom the first, at most active, share active_percent of
    the pot; standby_percent of it is shared by votes. bucket_parts: 1 of so many goes to the pot
    when a schedule is built, and the pot is topped up to pot_least. Caps are of all ever minted.
    foundation_account is paid what the foundation gets, which else stays in the treasury.
    """

    paid: int = 42
    active: int = 21
    active_percent: int = 40
    standby_percent: int = 60
    bucket_parts: int = 365
    pot_least: int = 50_000 * FIO_SUF
    pot_cap: int = 20_000_000 * FIO_SUF
    foundation_daily: int = 150_000 * FIO_SUF
    foundation_cap: int = 181_253_654 * FIO_SUF
    staking_daily: int = 25_000 * FIO_SUF
    staking_cap: int = 25_000_000 * FIO_SUF
    claim_pause_s: int = 14_400
    schedule_age_s: int = DAY_S + 1
    schedule_step_s: int = DAY_S
    provider_pause_s: int = 60
    providers_per_call: int = 100
    provider_least: int = 100 * FIO_SUF
    foundation_account: str = ""

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

    elected: the most producers that are scheduled. votes: the most producers in one vote.
    activation: the SUF that must have voted before anybody is elected. schedule_check_slots: a
    check comes when more slots have passed since the last. initial: all producers of the genesis
    sign until the first elected schedule is active, or only the first of them (F11). domain: of
    all addresses, which expires so many seconds after the genesis block, None: never; with
    domain_grace_s producers may still register and be claimed for, and proxies be chosen. url: the
    shortest one that is too long, in bytes. faithful_autoproxy_bug: upstream's, which leaves a
    weight with the proxy that an account was switched away from.

    What FIO has and this chain has not: votes are whole SUF and follow every change exactly, so
    there is no smallest change that is forwarded; grants and memory have no numbers here.
    """

    elected: int = 21
    votes: int = 30
    activation: int = 65_000_000 * FIO_SUF
    schedule_check_slots: int = 120
    initial: Literal["full", "system"] = "full"
    domain: str = "lab"
    domain_expires_s: int | None = None
    domain_grace_s: int = 30 * DAY_S
    url_bytes: int = 512
    faithful_autoproxy_bug: bool = False
    locks: list[VoteLock] = []
    fees: FeeRules = FeeRules()
    pay: PayRules = PayRules()

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
