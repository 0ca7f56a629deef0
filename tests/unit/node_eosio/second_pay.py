"""PROTOCOL B.8 a second time: fees' parts, minting and claims, by another way than the product.

Money is kept as a list of who has how much, and fractions are exact until they are rounded.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from node.chain.model.fio_rules import FioRules

Known = list[tuple[str, bool, int]]
"""Producers (name, active, votes) in order of registration."""


@dataclass
class SecondPay:
    """Pots, what was minted, and who may claim; pots and purses are one Counter of SUF."""

    rules: FioRules
    money: Counter[str]
    minted: Counter[str] = field(default_factory=Counter)
    from_fees: int = 0
    list_: dict[str, int] = field(default_factory=dict)
    timer: int | None = None
    last: dict[str, int] = field(default_factory=dict)
    providers: list[str] = field(default_factory=list)
    paid_providers: int | None = None

    @property
    def purse(self) -> str:
        """The account of the foundation."""
        return self.rules.pay.foundation_account

    def fee(self, payer: str, fee: int, provider: str = "", into: str = "@pot") -> None:
        """Take a fee; provider: a technology provider's address, "" for none."""
        rest = fee
        self.money[payer] -= fee
        parts = [("@foundation", 5), ("@staking", 25), *([(provider, 10)] if provider else [])]
        for part, percent in parts:
            share = int(Fraction(fee * percent, 100))
            self.money[part] += share
            rest -= share
        self.from_fees += int(Fraction(fee * 25, 100))
        self.money[into] += rest
        if provider:
            left = self.rules.fees.bounty_cap - self.minted["@bounty"]
            bounty = min(int(Fraction(fee * 40, 100)), left)
            self.minted["@bounty"] += bounty
            self.money[provider] += bounty
            if provider not in self.providers:
                self.providers.append(provider)

    def claim_for_providers(self, now: int) -> str:
        """Pay whoever is owed enough, the first rewarded first."""
        pay = self.rules.pay
        if self.paid_providers is not None and now <= self.paid_providers + pay.provider_pause_s:
            return "too_soon"
        due = [name for name in self.providers if self.money[name] >= pay.provider_least]
        if not due:
            return "no_work"
        for name in due[: pay.providers_per_call]:
            self.money[name.removesuffix("@lab")] += self.money.pop(name)
        self.paid_providers = now
        return ""

    def claim(self, now: int, producer: str, known: Known) -> str:
        """Claim for a producer; known (name, active, votes) in order of registration."""
        pay = self.rules.pay
        if producer not in [name for name, _, _ in known]:
            return "not_registered"
        if producer in self.last and now <= self.last[producer] + pay.claim_pause_s:
            return "too_soon"
        old = self.timer is not None and now >= self.timer + pay.schedule_age_s
        listed = {} if old or self.timer is None else dict(self.list_)
        builds = not listed
        if builds:
            listed = self._shares_after_minting(known)
        active = {name for name, is_active, _ in known if is_active}
        if producer in listed and producer not in active:
            return "inactive_producer"
        if builds:
            self._mint()
            self.timer = now if self.timer is None else self.timer + pay.schedule_step_s
        self.last[producer] = now
        if producer in listed:
            amount = listed.pop(producer)
            self.money["@pot"] -= amount
            self.money[producer] += amount
            self.money[self.purse] += self.money.pop("@foundation", 0)
        self.list_ = listed
        return ""

    def _mint(self) -> None:
        for purpose, amount in self._to_mint().items():
            self.minted[purpose] += amount
            self.money[purpose] += amount
        moved = self.money["@bucket"] // self.rules.pay.bucket_parts
        self.money.subtract({"@bucket": moved, "@pot": -moved})
        self.from_fees = 0

    def _pot_with_bucket(self) -> int:
        return self.money["@pot"] + self.money["@bucket"] // self.rules.pay.bucket_parts

    def _to_mint(self) -> dict[str, int]:
        pay, pot = self.rules.pay, self._pot_with_bucket()
        left = {
            "@pot": pay.pot_cap - self.minted["@pot"],
            self.purse: pay.foundation_cap - self.minted[self.purse],
            "@staking": pay.staking_cap - self.minted["@staking"],
        }
        top_up = 0
        if pot < pay.pot_least and left["@pot"] > 0:
            top_up = pay.pot_least - pot
            if left["@pot"] < pay.pot_least:
                top_up = left["@pot"]
        return {
            "@pot": top_up,
            self.purse: min(pay.foundation_daily, left[self.purse]),
            "@staking": max(0, min(pay.staking_daily - self.from_fees, left["@staking"])),
        }

    def _shares_after_minting(self, known: Known) -> dict[str, int]:
        pay = self.rules.pay
        tenth = (self._pot_with_bucket() + self._to_mint()["@pot"]) // 10
        total = sum(votes for _, _, votes in known)
        rest = [(name, votes) for name, is_active, votes in known if is_active]
        ordered = []
        while rest and len(ordered) < pay.paid:
            best = max(votes for _, votes in rest)
            ordered.append(next(pair for pair in rest if pair[1] == best))
            rest.remove(ordered[-1])
        top = min(pay.active, len(ordered))
        shares = {}
        for place, (name, votes) in enumerate(ordered):
            equal = int(Fraction(4 * tenth, top)) if place < top else 0
            shares[name] = equal + (int(Fraction(6 * tenth * votes, total)) if total else 0)
        return shares
