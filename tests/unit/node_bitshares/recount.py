"""Votes and elections by another way: from a branch's blocks alone, each time all over again.

It knows the rules from PROTOCOL C.11, C.14 and C.17, nothing of the contracts. Fees and pay play no
part. What the genesis leaves open is filled in by hand here, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from node.chain.genesis import Genesis
from node.chain.model.block import SignedBlock


@dataclass
class Recount:
    """Mutable: who owns what, who said what when, who stands since when, and the last election.

    weights: of the committee, with their threshold.
    """

    genesis: Genesis
    owned: dict[str, int] = field(init=False)
    said: dict[str, tuple[Any, int]] = field(default_factory=dict)
    witnesses: dict[str, bytes] = field(default_factory=dict)
    members: list[str] = field(default_factory=list)
    due_s: int = 0
    time_s: int = 0
    active: list[str] = field(default_factory=list)
    committee: list[str] = field(default_factory=list)
    weights: dict[str, int] = field(default_factory=dict)
    threshold: int = 0

    def __post_init__(self) -> None:
        assert self.genesis.bitshares is not None
        self.rules = self.genesis.bitshares
        self.owned = {account.name: account.balance for account in self.genesis.accounts}
        for producer in sorted(self.genesis.producers, key=lambda one: one.name):
            self.witnesses[producer.name] = bytes.fromhex(producer.key)
        fallback = [name for name in self.witnesses if name in self.owned]
        self.members = list(self.rules.voting.committee) or fallback
        self.active, self.committee = list(self.witnesses), list(self.members)
        self.weights = dict.fromkeys(self.members, 1)
        self.threshold = len(self.members) // 2 + 1
        self.least = [
            len(those) + (len(those) % 2 == 0) if said is None else said
            for those, said in (
                (self.witnesses, self.rules.voting.min_witness_count),
                (self.members, self.rules.voting.min_committee_count),
            )
        ]

    def read(self, blocks: Iterable[SignedBlock]) -> Recount:
        """Go through a branch from block 1 on; return this."""
        for block in blocks:
            for transaction in block.transactions:
                for operation in transaction.operations:
                    self.one(operation)
            header: Any = block.header
            self.time_s = header.timestamp_s
            if self.due_s <= self.time_s:
                self.elect()
                every_s = self.rules.maintenance_interval_s
                while self.due_s <= self.time_s:
                    ahead = self.time_s // every_s + 1
                    self.due_s = self.due_s + every_s if self.due_s else ahead * every_s
        return self

    def one(self, operation: Any) -> None:
        """Note what an operation that was accepted says."""
        match type(operation).__name__:
            case "Transfer":
                self.owned[operation.sender] -= operation.amount
                self.owned[operation.recipient] += operation.amount
            case "Vote":
                self.said[operation.account] = (operation, self.time_s)
            case "CreateWitness":
                self.witnesses[operation.account] = operation.key
            case "UpdateWitness" if operation.key:
                self.witnesses[operation.account] = operation.key
            case "CreateCommitteeMember":
                self.members.append(operation.account)

    # ------------------------------------------------------------ who is elected

    def elect(self) -> None:
        """Count everything again."""
        voting, top75 = self.rules.voting, self.rules.voting.delegate_count_rule == "top75"
        heard = [(self.opinion(name), self.stake(name)) for name in self.owned]
        votes = {n: sum(s for o, s in heard if o and n in o.witnesses) for n in self.witnesses}
        wanted = [(o.num_witness if o else 0, stake) for o, stake in heard]
        both = top75 and voting.top75_for == "both"
        most, least = voting.max_witness_count, self.least[0]
        self.active = best(votes)[: self.number(votes, wanted, most, least, top75=both)]
        votes = {n: sum(s for o, s in heard if o and n in o.committee) for n in self.members}
        wanted = [(o.num_committee if o else 0, stake) for o, stake in heard]
        most, least = voting.max_committee_count, self.least[1]
        self.committee = best(votes)[: self.number(votes, wanted, most, least, top75=top75)]
        if any(votes[name] for name in self.committee):
            halvings = 0
            while votes[self.committee[0]] >> halvings > 0xFFFF:
                halvings += 1
            having = [name for name in self.committee if votes[name]]
            self.weights = {name: votes[name] // 2**halvings or 1 for name in having}
            self.threshold = sum(self.weights.values()) // 2 + 1

    def opinion(self, name: str) -> Any:
        """Return what counts for an account, None for nothing."""
        own = self.said.get(name)
        for _ in range(self.rules.voting.proxy_depth):
            if own is not None and own[0].proxy:
                own = self.said.get(own[0].proxy)
        return own[0] if own else None

    def stake(self, name: str) -> int:
        """Return what of an account's balance votes."""
        left, own = self.owned[name], self.said.get(name)
        if self.rules.voting.full_vote_s is None:
            return left
        left = left * self.eighths(own) // 8
        for _ in range(self.rules.voting.proxy_depth):
            if own is None or not own[0].proxy:
                break
            own = self.said.get(own[0].proxy)
            left = left * self.eighths(own) // 8
        return left

    def eighths(self, own: tuple[Any, int] | None) -> int:
        """Return what is left of a vote's weight by its age."""
        age_s = self.time_s - (own[1] if own else 0)
        left = 8
        full_s = self.rules.voting.full_vote_s
        assert full_s is not None
        for step in range(8):
            left -= age_s >= full_s + step * self.rules.voting.decay_step_s
        return left

    def number(
        self, votes: dict[str, int], wanted: list[tuple[int, int]], most: int, least: int,
        *, top75: bool,
    ) -> int:  # fmt: skip
        """Return how many are elected."""
        voting, have = self.rules.voting, len(votes)
        if top75:
            top = max(votes.values(), default=0)
            near = sum(Fraction(one, top) >= Fraction(3, 4) for one in votes.values() if one)
            return min(most, max(near, voting.min_delegates), have)
        others = sum(stake for number, stake in wanted if number > 1)
        found, seed = 1, voting.count_tie == "seed"
        while others > (not seed) and found + 1 <= most:
            found += 2
            agree = sum(stake for number, stake in wanted if 1 < number <= min(found, most))
            share = Fraction(agree, others)
            if share > Fraction(1, 2) or (seed and share == Fraction(1, 2)):
                break
        return min(max(found, least), have)

    # ------------------------------------------------------------ rows

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return what the chain must have, in the shape of its tables."""
        return {
            "witnesses": {
                name: (place, key) for place, (name, key) in enumerate(self.witnesses.items())
            },
            "committee_members": {name: place for place, name in enumerate(self.members)},
            "active_witnesses": {"in_force": sorted(self.active)},
            "committee": {"in_force": (tuple(self.committee), self.weights, self.threshold)},
        }


def best(votes: dict[str, int]) -> list[str]:
    """Return names by votes; of equals whoever came first."""
    return sorted(votes, key=lambda name: votes[name], reverse=True)


def kept(tables: dict[str, dict[Any, Any]]) -> dict[str, dict[str, Any]]:
    """Return what a chain has, in the shape of `Recount.rows`."""
    numbers = {number: name for name, number in tables["witness_ids"].items()}
    committee = tables["committee"]["in_force"]
    return {
        "witnesses": {n: (row.position, row.key) for n, row in tables["witnesses"].items()},
        "committee_members": {n: row.position for n, row in tables["committee_members"].items()},
        "active_witnesses": {
            "in_force": sorted(numbers[n] for n in tables["active_witnesses"]["in_force"].ids)
        },
        "committee": {"in_force": (committee.active, dict(committee.members), committee.threshold)},
    }
