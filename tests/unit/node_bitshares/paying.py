"""A BitShares chain with money, and all of it by another way: a naive recount of its blocks.

The recount reads what blocks hold, and knows the rules from PROTOCOL C.13 and graphene's byte
layouts, nothing of the contracts. Coin-seconds are not rounded to units here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from node.chain.bitshares.contracts.money.claim import Claim
from node.chain.bitshares.contracts.money.create_worker import CreateWorker
from node.chain.bitshares.contracts.transfer import Transfer
from node.chain.bitshares.contracts.voting.vote import Vote
from node.chain.bitshares.rules import Rules
from node.chain.genesis import Genesis
from node.chain.model.bitshares_rules import MoneyRules
from node.chain.model.block import SignedBlock
from node.chain.model.operation import Operation
from tests.unit.node_bitshares.world import bitshares_genesis
from tests.unit.node_chain.builders import accounts, producer_names
from tests.unit.node_chain.lone import Lone

WITNESSES = tuple(producer_names(3))
DAY_S = 86_400
USERS = ("usera", "userb", "userc", "userd")
MONEY = MoneyRules(
    reserve=10**9,
    fees={"transfer": 20, "claim": 3},
    fee_per_kbyte=1_000,
    witness_pay_per_block=9,
    vesting_s=10,
)
QUICK = replace(
    MONEY, reserve=10**11, witness_pay_per_block=80, worker_budget_per_day=DAY_S * 9, vesting_s=3
)
"""Pay that is soon worth a claim."""


def money_genesis(money: MoneyRules = MONEY, **options: Any) -> Genesis:
    """Return a genesis of three witnesses, accounts all, with maintenance each 12 s."""
    every = {"maintenance_interval_s": 12, "maintenance_skip_slots": 1, **options}
    genesis = bitshares_genesis(3, money=money, **every)
    return replace(genesis, accounts=[*genesis.accounts, *accounts(dict.fromkeys(WITNESSES, 0))])


class World(Lone):
    """One chain that signs for everybody, second after second."""

    def __init__(self, money: MoneyRules = MONEY, **options: Any) -> None:
        super().__init__(money_genesis(money, **options), (*WITNESSES, *USERS))
        self.run(2)

    def rows(self, table: str) -> dict[Any, Any]:
        """Return the rows of a table at the head."""
        return dict(self.tables[table])

    @property
    def pool(self) -> Any:
        """Return the pool."""
        return self.rows("pool")["main"]

    def owned(self, account: str) -> int:
        """Return a balance at the head."""
        return self.chain._ledger.balance(account)


def drawn(rng: Random) -> list[Operation]:
    """Return one to three operations of those that there are; some cannot be done."""
    found: list[Operation] = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        fee, chance = rng.choice((0, 0, 0, 1, 60)), rng.random()
        if chance < 0.1:
            pay = rng.randint(1, DAY_S * 20)
            found.append(CreateWorker(owner="usera", fee=fee, lasts_s=9, daily_pay=pay, name="a"))
        elif chance < 0.2:
            found.append(Vote(account=rng.choice(USERS), workers=(rng.randint(0, 2),)))
        elif chance < 0.5:
            owner = rng.choice((*WITNESSES, *WITNESSES, *WITNESSES, "usera"))
            found.append(Claim(owner=owner, fee=fee, amount=rng.choice((0, 0, 0, 0, 5, 40))))
        else:
            sender, recipient = rng.choice((*USERS, *WITNESSES)), rng.choice(USERS)
            found.append(
                Transfer(sender=sender, recipient=recipient, fee=fee, amount=rng.randint(1, 90))
            )
    return found


def sizes(one: Any) -> tuple[str, int]:
    """Return an operation's word and its bytes, by graphene's layouts; all numbers of it are low.

    Each has its number, its fee, which is an amount and an asset, and the account that pays.
    """
    head = 1 + (8 + 1) + 1
    match one:
        case Transfer():
            memo = 1 + (2 * 33 + 8 + 1 + 4 + len(one.memo) if one.memo else 0)
            return "transfer", head + 1 + (8 + 1) + memo + 1
        case Claim():
            return "claim", head + 1 + len(one.what) + (8 + 1)
        case CreateWorker():
            return "create_worker", head + 3 * 8 + 1 + len(one.name) + 1 + len(one.url)
        case Vote():
            options = 33 + 1 + 2 + 2 + 1 + 4 * len(one.workers) + 1
            return "vote", head + 1 + 1 + 1 + options + 1
    raise AssertionError(one)


def supply(tables: dict[str, dict[Any, Any]]) -> int:
    """Return all units that there are, whoever has them."""
    pool = tables["pool"]["main"]
    vesting = [row for name in ("witness_pay", "worker_pay") for row in tables[name].values()]
    held = pool.reserve + pool.collected + pool.budget + pool.block_fees
    return held + sum(tables["balances"].values()) + sum(row.balance for row in vesting)


@dataclass
class Pay:
    """What a witness was paid and has not claimed, with the coin-seconds that it has earned."""

    units: int = 0
    coin_seconds: int = 0
    at_s: int = 0
    untold: int = 0

    def age(self, now_s: int, vesting_s: int) -> None:
        """Let it earn until a time."""
        earned = self.coin_seconds + self.units * (now_s - self.at_s)
        self.coin_seconds, self.at_s = min(earned, self.units * vesting_s), now_s


@dataclass(frozen=True)
class Project:
    """A worker: who is paid, how much a day, and from when to when."""

    owner: str
    daily_pay: int
    begin_s: int
    end_s: int


@dataclass
class MoneyRecount:
    """Mutable: who owns what, the pool, and pay, after the blocks that were read.

    approved: of which projects, by account, each for itself. earned: what projects' owners were
    paid and have not claimed.
    """

    genesis: Genesis
    owned: dict[str, int] = field(init=False)
    fees_paid: dict[str, int] = field(default_factory=dict)
    pay: dict[str, Pay] = field(default_factory=dict)
    collected: int = 0
    budget: int = 0
    budget_s: int = 0
    next_s: int = 0
    projects: list[Project] = field(default_factory=list)
    approved: dict[str, tuple[int, ...]] = field(default_factory=dict)
    earned: dict[str, Pay] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.genesis.bitshares is not None
        self.options, self.money = self.genesis.bitshares, self.genesis.bitshares.money
        self.owned = {account.name: account.balance for account in self.genesis.accounts}
        self.reserve = self.money.reserve
        self.head_s = Rules.of(self.genesis).genesis_s

    def read(self, blocks: Iterable[SignedBlock]) -> MoneyRecount:
        """Go through a branch from its first block on; return this."""
        for block in blocks:
            header: Any = block.header
            now_s, fees = header.timestamp_s, 0
            for transaction in block.transactions:
                fees += self.take(transaction.operations)
            self.pay_signer(header.producer, fees, now_s)
            if self.next_s <= now_s:
                self.maintain(now_s)
            self.head_s = now_s
        return self

    def take(self, operations: Iterable[Any]) -> int:
        """Do operations; return what all of them cost."""
        fees = 0
        for one in operations:
            fee = max(one.fee, self.price(one))
            self.do(one)
            self.owned[one.authority] -= fee
            if fee:
                before = self.fees_paid.get(one.authority, 0)
                self.fees_paid[one.authority] = before + fee
            fees += fee
        return fees

    def do(self, one: Any) -> None:
        """Do an operation."""
        match one:
            case Claim():
                self.claim(one, (self.pay if one.what == "witness" else self.earned)[one.owner])
            case CreateWorker():
                begin_s = self.head_s + one.begins_in_s
                ends_s = begin_s + one.lasts_s
                self.projects.append(Project(one.owner, one.daily_pay, begin_s, ends_s))
            case Vote():
                self.approved[one.account] = one.workers
            case _:
                self.owned[one.sender] -= one.amount
                self.owned[one.recipient] += one.amount

    def claim(self, one: Claim, pay: Pay) -> None:
        """Move what has vested, or the amount of it that is asked for."""
        vesting_s = max(self.money.vesting_s, 1)
        pay.age(self.head_s, vesting_s)
        amount = one.amount or pay.coin_seconds // vesting_s
        pay.units, pay.coin_seconds = pay.units - amount, pay.coin_seconds - amount * vesting_s
        self.owned[one.owner] += amount

    def price(self, one: Any) -> int:
        """Return what an operation costs by the schedule."""
        word, size = sizes(one)
        return self.money.fees.get(word, 0) + int(Fraction(size * self.money.fee_per_kbyte, 1024))

    def pay_signer(self, signer: str, fees: int, now_s: int) -> None:
        """Pay a block's witness, and divide its fees."""
        if self.money.pay_mode == "percent_of_fees":
            paid = int(Fraction(fees * self.money.pay_percent, 10_000))
            fees -= paid
        else:
            paid = min(self.money.witness_pay_per_block, self.budget)
            self.budget -= paid
        network = int(Fraction(fees * self.money.network_percent, 10_000))
        self.collected, self.reserve = self.collected + network, self.reserve + fees - network
        self.deposit(self.pay, signer, paid, now_s)

    def maintain(self, now_s: int) -> None:
        """Make a budget until the next maintenance, the next multiple of its interval."""
        every_s = self.options.maintenance_interval_s
        while self.next_s <= now_s:
            self.next_s += every_s if self.next_s else now_s // every_s * every_s + every_s
        self.reserve += self.collected + self.budget
        since_s = now_s - self.budget_s if self.budget_s else 0
        total = min(self.reserve, ceil(Fraction(self.reserve * since_s * 17, 2**32)))
        is_fixed = self.money.pay_mode == "fixed_per_block"
        blocks = ceil(Fraction(self.next_s - now_s, self.options.block_interval_s))
        wanted = self.money.witness_pay_per_block * blocks if is_fixed else 0
        for pay in self.pay.values():
            pay.untold = 0
        self.budget, self.collected, self.budget_s = min(total, wanted), 0, now_s
        self.reserve -= self.budget
        workers = int(Fraction(self.money.worker_budget_per_day * (self.next_s - now_s), DAY_S))
        self.reserve -= self.pay_projects(min(workers, total - self.budget), now_s, since_s)
        self.fees_paid.clear()

    def pay_projects(self, budget: int, now_s: int, since_s: int) -> int:
        """Pay projects, most approved first, until the budget is gone; return what they got."""
        paid, left = 0, dict(enumerate(self.projects))
        stake = {number: self.approval(number) for number in left}
        while left:
            number = max(left, key=lambda n: (stake[n], -n))
            project = left.pop(number)
            if stake[number] and project.begin_s <= now_s <= project.end_s:
                part = min(budget - paid, int(Fraction(project.daily_pay * since_s, DAY_S)))
                self.deposit(self.earned, project.owner, part, now_s)
                paid += part
        return paid

    def approval(self, number: int) -> int:
        """Return what those own who approve of a project."""
        return sum(self.owned[name] for name, told in self.approved.items() if number in told)

    def deposit(self, pays: dict[str, Pay], who: str, units: int, now_s: int) -> None:
        """Let somebody have more that vests."""
        if units:
            pay = pays.setdefault(who, Pay(at_s=now_s))
            pay.age(now_s, max(self.money.vesting_s, 1))
            pay.units, pay.untold = pay.units + units, pay.untold + units

    def rows(self) -> dict[str, Any]:
        """Return what the tables of money must hold, in plain values."""
        unit_s = max(self.money.vesting_s, 1)
        return {
            "balances": self.owned,
            "fees_paid": self.fees_paid,
            "pool": (self.reserve, self.collected, self.budget, 0, self.budget_s),
            **{
                table: {
                    name: (pay.units, *divmod(pay.coin_seconds, unit_s), pay.at_s, pay.untold)
                    for name, pay in pays.items()
                }
                for table, pays in (("witness_pay", self.pay), ("worker_pay", self.earned))
            },
        }


def kept(tables: dict[str, dict[Any, Any]]) -> dict[str, Any]:
    """Return what the tables of money hold, in the form of `MoneyRecount.rows`."""
    return {
        "balances": dict(tables["balances"]),
        "fees_paid": dict(tables["fees_paid"]),
        "pool": msgspec.structs.astuple(tables["pool"]["main"]),
        **{
            table: {name: msgspec.structs.astuple(row) for name, row in tables[table].items()}
            for table in ("witness_pay", "worker_pay")
        },
    }
