"""FIO's votes by another way: no weight is kept, all is added up anew from what was last said.

It reads a branch's blocks, which hold only what was accepted, and knows the rules from PROTOCOL B.1
to B.7, nothing of the contracts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from node.chain.genesis import Genesis
from node.chain.genesis import schedule as first_schedule
from node.chain.model.block import SignedBlock
from node.chain.model.operation import Operation
from node.chain.model.slot import SlotClock


@dataclass
class Said:
    """What an account last said: whom it votes for, through whom, whether it is a proxy.

    by_itself: it got its proxy by the technology provider that it used.
    """

    votes: tuple[str, ...] = ()
    through: str = ""
    is_proxy: bool = False
    by_itself: bool = False


@dataclass
class Candidate:
    """A producer that registered, and whether it still stands."""

    key: bytes
    stands: bool = True
    url: str = ""


@dataclass
class Recount:
    """Mutable: balances, who said what, who registered in which order, and the elections."""

    genesis: Genesis
    owned: dict[str, int] = field(init=False)
    said: dict[str, Said] = field(default_factory=dict)
    candidates: dict[str, Candidate] = field(default_factory=dict)
    enough_at_s: int = 0
    checked_slot: int = 0
    size: int = field(init=False)
    top: tuple[str, ...] = ()
    outcome: str = ""
    waiting: bool = False
    latest: tuple[tuple[str, bytes], ...] = field(init=False)

    def __post_init__(self) -> None:
        assert self.genesis.fio is not None
        self.rules = self.genesis.fio
        self.owned = {account.name: account.balance for account in self.genesis.accounts}
        self.locked = {lock.account: lock.amount for lock in self.rules.locks if not lock.can_vote}
        for producer in self.genesis.producers:
            if producer.name in self.owned:
                self.candidates[producer.name] = Candidate(bytes.fromhex(producer.key))
        self.latest = tuple((p.name, p.key) for p in first_schedule(self.genesis).producers)
        self.size = len(self.latest)

    # ------------------------------------------------------------ blocks

    def read(self, blocks: Sequence[SignedBlock]) -> Recount:
        """Go through a branch from its first block on; return this."""
        parent_slot = self.genesis.initial_slot
        for block in blocks:
            header: Any = block.header
            if header.new_producers is not None:
                self.waiting = False
                self.latest = tuple((p.name, p.key) for p in header.new_producers.producers)
            self.elect(parent_slot, block.slot)
            for transaction in block.transactions:
                self.take(transaction.operations)
            parent_slot = block.slot
        return self

    def take(self, operations: Iterable[Operation]) -> None:
        """Remember what operations said."""
        listed = list(operations)
        for operation in listed:
            self.one(operation)
        for operation in listed:
            owner = getattr(operation, "tpid", "").removesuffix("@" + self.rules.domain)
            if owner in self.said and self.said[owner].is_proxy:
                said = self.said.get(operation.authority, Said(by_itself=True))
                if said.by_itself:
                    self.said[operation.authority] = Said((), owner, by_itself=True)

    def one(self, operation: Any) -> None:
        """Remember what an operation said."""
        said = self.said.get(operation.authority, Said())
        match type(operation).__name__:
            case "Transfer":
                self.owned[operation.sender] -= operation.amount
                self.owned[operation.recipient] += operation.amount
                return
            case "TransferTokens":
                self.owned[operation.actor] -= operation.amount
                self.owned[operation.payee] += operation.amount
                return
            case "RegisterProducer":
                candidate = self.candidates.setdefault(operation.producer, Candidate(b""))
                candidate.key, candidate.url = operation.key, operation.url
                candidate.stands = True
                return
            case "UnregisterProducer":
                self.candidates[operation.producer].stands = False
                return
            case "VoteProducers":
                said = Said(tuple(sorted(operation.producers)), "", said.is_proxy)
            case "VoteProxy":
                said = Said((), operation.proxy, said.is_proxy)
            case "RegisterProxy":
                said = Said(said.votes, "", is_proxy=True)
            case "UnregisterProxy":
                if operation.account not in self.said:
                    return
                said = Said(said.votes, "", is_proxy=False)
            case other:
                raise AssertionError(other)
        self.said[operation.authority] = said

    # ------------------------------------------------------------ sums

    def own(self, account: str) -> int:
        """Return how much of an account's balance votes."""
        free = self.owned[account] - self.locked.get(account, 0)
        return free if free > 0 else self.owned[account]

    def given(self, proxy: str) -> int:
        """Return what an account's followers own."""
        followers = [name for name, said in self.said.items() if said.through == proxy]
        return sum(self.own(name) for name in followers)

    def weight(self, account: str) -> int:
        """Return what each vote of an account weighs."""
        return self.own(account) + (self.given(account) if self.said[account].is_proxy else 0)

    def votes(self, producer: str) -> int:
        """Return what all votes for a producer weigh."""
        return sum(self.weight(name) for name, said in self.said.items() if producer in said.votes)

    def voted(self) -> int:
        """Return what all weigh who vote for anybody themselves."""
        return sum(self.weight(name) for name, said in self.said.items() if said.votes)

    # ------------------------------------------------------------ elections

    def elect(self, parent_slot: int, slot: int) -> None:
        """Do what comes before the transactions of a block."""
        if not self.enough_at_s and self.voted() >= self.rules.activation:
            time_ns = SlotClock(self.genesis.slot_ns).time_ns(slot)
            self.enough_at_s = time_ns // 1_000_000_000
        if self.enough_at_s and parent_slot > self.checked_slot + self.rules.schedule_check_slots:
            self.checked_slot = parent_slot
            self.top = self.best()
            self.outcome = self.propose()

    def best(self) -> tuple[str, ...]:
        """Return the best candidates, one after the other; dicts remember who came first."""
        left = {name: self.votes(name) for name, one in self.candidates.items() if one.stands}
        found: list[str] = []
        while len(found) < self.rules.elected and any(left.values()):
            found.append(max(left, key=lambda name: left[name]))
            del left[found[-1]]
        return tuple(found)

    def propose(self) -> str:
        """Return what comes of proposing the best."""
        if not self.top:
            return "nobody"
        if len(self.top) < self.size:
            return "shorter"
        if self.waiting:
            return "waits"
        if tuple((name, self.candidates[name].key) for name in sorted(self.top)) == self.latest:
            return "unchanged"
        self.waiting, self.size = True, len(self.top)
        return "proposed"

    # ------------------------------------------------------------ what must come out

    def rows(self) -> dict[str, Any]:
        """Return what the tables of the votes must hold."""
        return {
            "voters": {
                name: {
                    "producers": said.votes,
                    "proxy": said.through,
                    "is_proxy": said.is_proxy,
                    "is_auto_proxy": said.by_itself,
                    "weight": self.weight(name),
                    "proxied": self.given(name),
                }
                for name, said in self.said.items()
            },
            "producers": {
                name: {
                    "position": position,
                    "key": one.key if one.stands else b"",
                    "active": one.stands,
                    "votes": self.votes(name),
                    "url": one.url,
                }
                for position, (name, one) in enumerate(self.candidates.items())
            },
            "voted": {"fio": self.voted()},
            "election": {
                "fio": {
                    "activated_s": self.enough_at_s,
                    "checked_slot": self.checked_slot,
                    "size": self.size,
                    "top": self.top,
                    "outcome": self.outcome,
                }
            },
        }


def kept(rows: dict[str, dict[Any, Any]], expected: dict[str, Any]) -> dict[str, Any]:
    """Return what tables hold, of what is expected: rows as dicts, without what else they know."""

    def plain(name: str, row: Any) -> Any:
        shape = next(iter(expected[name].values()), {})
        return {key: getattr(row, key) for key in shape} if isinstance(shape, dict) else row

    return {name: {key: plain(name, row) for key, row in rows[name].items()} for name in expected}
