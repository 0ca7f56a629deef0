"""PROTOCOL B.8 a second time: fees' parts, minting and claims, by another way than the product.

Money is kept as a list of who has how much, and fractions are exact until they are rounded.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from node.chain.model.fio_rules import FioRules


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

    def fee(self, payer: str, fee: int) -> None:
        """Take a fee without a technology provider, straight to the pot."""
        self.money[payer] -= fee
        for part, percent in (("@foundation", 5), ("@staking", 25)):
            self.money[part] += int(Fraction(fee * percent, 100))
        self.from_fees += int(Fraction(fee * 25, 100))
        self.money["@pot"] += fee - int(Fraction(fee, 20)) - int(Fraction(fee, 4))

    def claim(self, now: int, producer: str, known: list[tuple[str, bool, int]]) -> str:
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
            self.money["purse"] += self.money.pop("@foundation", 0)
        self.list_ = listed
        return ""

    def _mint(self) -> None:
        for purpose, amount in self._to_mint().items():
            self.minted[purpose] += amount
            self.money[purpose] += amount
        self.from_fees = 0

    def _to_mint(self) -> dict[str, int]:
        pay, pot = self.rules.pay, self.money["@pot"]
        left = {
            "@pot": pay.pot_cap - self.minted["@pot"],
            "purse": pay.foundation_cap - self.minted["purse"],
            "@staking": pay.staking_cap - self.minted["@staking"],
        }
        top_up = 0
        if pot < pay.pot_least and left["@pot"] > 0:
            top_up = pay.pot_least - pot
            if left["@pot"] < pay.pot_least:
                top_up = left["@pot"]
        return {
            "@pot": top_up,
            "purse": min(pay.foundation_daily, left["purse"]),
            "@staking": max(0, min(pay.staking_daily - self.from_fees, left["@staking"])),
        }

    def _shares_after_minting(self, known: list[tuple[str, bool, int]]) -> dict[str, int]:
        pay = self.rules.pay
        tenth = (self.money["@pot"] + self._to_mint()["@pot"]) // 10
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
