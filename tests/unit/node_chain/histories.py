"""Random histories: a tree of blocks full of transactions, and a chain that gets it in any order.

After each step the chain must be where a straight replay of its branch is, row by row, whatever
waits at it. A history is its world and its seed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from node.chain import notices, snapshot
from node.chain.bitshares.contracts.hard_forks.note import Note
from node.chain.bitshares.contracts.raffle.raffle import Raffle
from node.chain.bitshares.contracts.voting.vote import Vote
from node.chain.chain import Chain
from node.chain.encoding.crypto import sign
from node.chain.execution import Execute, apply_block
from node.chain.ledger.accounts import BALANCES
from node.chain.model.block import SignedBlock
from node.chain.model.operation import Operation
from node.chain.model.transaction import Transaction
from node.chain.model.voice import READY, Stance, Voice
from node.events import Rejected, Switched
from tests.unit.node_bitshares import paying, proposing
from tests.unit.node_bitshares import recount as bitshares_recount
from tests.unit.node_bitshares import voting_world as voting
from tests.unit.node_bitshares.paying import MoneyRecount, supply
from tests.unit.node_bitshares.second_random import SecondRandom
from tests.unit.node_chain.builders import (
    blocks_of,
    executed,
    of_kind,
    receive,
    secret,
    signed,
    submit,
    tick,
)
from tests.unit.node_chain.history_worlds import World
from tests.unit.node_eosio.fio_world import drawn
from tests.unit.node_eosio.proposals import set_producers
from tests.unit.node_eosio.recount import Recount, kept

USERS = ("usera", "userb", "userc", "userd")
SUPPLY = 4000
AT_ONCE = Stance(urgent=frozenset({"notes"}))
FAR = 10_000
"""In slots: a block of any history is of the past then."""


@dataclass(frozen=True)
class Truth:
    """What a straight replay has after a block."""

    digest: bytes
    rows: dict[str, dict[Any, Any]]


@dataclass
class History:
    """Mutable: all blocks, parents first; all transactions; what is true after each block.

    depths: of the switches of the chain that plays it; failed: how many did; kept: snapshots that
    it made meanwhile; execute: how its makers and it execute blocks.
    """

    world: World
    seed: int
    blocks: dict[bytes, SignedBlock] = field(default_factory=dict)
    sent: dict[bytes, Transaction] = field(default_factory=dict)
    depths: list[int] = field(default_factory=list)
    failed: int = 0
    kept: list[bytes] = field(default_factory=list)
    execute: Execute = apply_block

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.broken: set[bytes] = set()
        fresh = self.world.chain()
        self.first_slot, self.root = fresh.head.slot + 1, fresh.genesis
        self.truths = {fresh.head.id: _truth(fresh)}

    @property
    def is_random(self) -> bool:
        """Return whether the chain has random numbers."""
        options = self.world.genesis.bitshares
        return options is not None and options.random.on

    @property
    def has_hard_forks(self) -> bool:
        """Return whether the chain may come to have other rules."""
        options = self.world.genesis.bitshares
        return options is not None and bool(options.hard_forks.times)

    @property
    def units(self) -> int:
        """Return how many units there are in the genesis."""
        genesis = self.world.genesis
        reserve = genesis.bitshares.money.reserve if genesis.bitshares else 0
        return reserve + sum(account.balance for account in genesis.accounts)

    # ------------------------------------------------------------ the tree

    def grow(self) -> None:
        """Let makers, who know nothing of each other, build two to four branches."""
        for _ in range(self.rng.randint(2, 4)):
            stance = self.rng.choice((READY, AT_ONCE))
            maker = self.world.chain(self.world.names, stance=stance, execute=self.execute)
            base = self.rng.choice([self.root.id, *self.blocks])
            for block in () if base in self.broken else self.branch(base):
                receive(maker, block)
            slot = maker.head.slot
            for _ in range(self.rng.randint(1, 8)):
                slot += self.rng.choice((1, 1, 1, 2, 4))
                for _ in range(self.rng.randint(0, 3)):
                    submit(maker, self.transaction(maker), slot=slot)
                self.note(blocks_of(tick(maker, slot)))
            if self.rng.random() < 0.3:
                self.break_one(maker, slot + 1)

    def branch(self, block_id: bytes) -> list[SignedBlock]:
        """Return a block and its ancestors, oldest first."""
        found: list[SignedBlock] = []
        while block_id != self.root.id:
            found.append(self.blocks[block_id])
            block_id = found[-1].previous
        return found[::-1]

    def note(self, blocks: list[SignedBlock]) -> None:
        """Remember blocks."""
        for block in blocks:
            self.blocks[block.id] = block

    def break_one(self, maker: Chain, slot: int) -> None:
        """Add a child of the maker's head, signed by whose turn it is, that cannot be executed."""
        head = maker._fork_db.head.state
        spent = maker.codec.transactions.transfer("usera", "userb", SUPPLY + 1, b"")
        doomed = [self.transaction(maker), signed(maker, spent)]
        producer = head.producer_for(slot).name
        if not producer:
            return
        voice = Voice(key=secret(producer))
        header = head.draft(slot, None, executed(maker, slot, doomed), voice)
        digest = head.child(header).signing_digest
        block = SignedBlock(header, sign(secret(producer), digest), tuple(doomed))
        self.note([block])
        self.broken.add(block.id)

    def transaction(self, chain: Chain) -> Transaction:
        """Return a transaction tied to the chain: most can be executed there, some nowhere."""
        rng = self.rng
        if rng.random() < 0.7 and self.world.genesis.fio is not None:
            made = signed(chain, drawn(rng), lives_s=rng.randint(1, 9))
        elif self.world.has_money and rng.random() < 0.5:
            made = signed(chain, *paying.drawn(rng), lives_s=rng.randint(1, 9))
        elif self.world.has_committee and rng.random() < 0.6:
            made = signed(chain, *proposing.drawn(rng), lives_s=rng.randint(1, 9))
        elif self.world.votes and rng.random() < 0.7:
            made = signed(chain, voting.drawn(rng), lives_s=rng.randint(1, 9))
        elif rng.random() < 0.2 and self.world.genesis.system_key:
            some = rng.sample(self.world.names, rng.randint(1, len(self.world.names)))
            made = set_producers(chain, *sorted(some), lives_s=rng.randint(1, 9))
        elif rng.random() < 0.4 and self.has_hard_forks:
            said: list[Operation] = [Note(account=rng.choice(USERS), text=str(rng.random()))]
            if rng.random() < 0.5:
                ids = rng.choice(((), (1,), (1,)))
                voters = rng.sample(USERS, rng.randint(2, 4))
                said = [Vote(account=voter, hard_forks=ids) for voter in voters]
            made = signed(chain, *said, lives_s=rng.randint(1, 9))
        elif rng.random() < 0.4 and self.is_random:
            among = tuple(rng.sample(USERS, rng.randint(1, 4)))
            asked = [Raffle(giver=rng.choice(USERS), among=among, amount=rng.randint(1, 400))]
            made = signed(chain, *asked * rng.randint(1, 2), lives_s=rng.randint(1, 9))
        else:
            transfer = chain.codec.transactions.transfer
            operations: list[Operation] = [
                transfer(
                    rng.choice(USERS),
                    rng.choice((*USERS, *USERS, self.world.nobody)),
                    rng.choice((0, 1, 50, 300, 900, 1500)) if rng.random() < 0.5 else 7,
                    rng.randbytes(2),
                )
                for _ in range(rng.choice((1, 1, 2, 3)))
            ]
            signers = rng.choice(((rng.choice(USERS),), None, None, None, None, None))
            ref = rng.choice(chain.branch_ids(1)[-4:] or [chain.head.id])
            made = signed(chain, *operations, signers=signers, lives_s=rng.randint(1, 9), ref=ref)
        self.sent[made.id] = made
        return made

    # ------------------------------------------------------------ the chain

    def play(self) -> Chain:
        """Give a chain all blocks, checking it after each step; return it."""
        rng, now = self.rng, self.first_slot
        chain = self.world.chain(rng.choice(((), self.world.names[:1])), execute=self.execute)
        left = list(self.blocks)
        rng.shuffle(left)
        for _ in range(3 * len(left)):
            action = rng.random()
            if action < 0.6 and left:
                block = self.blocks[left.pop(0 if rng.random() < 0.7 else -1)]
                now = max(now, block.slot)
                if not self.deliver(chain, block, now):
                    left.append(block.id)
            elif action < 0.9:
                self.offer(chain, now)
            else:
                now += rng.choice((1, 1, 6))
                self.note(blocks_of(tick(chain, now)))
            self.check(chain)
            if rng.random() < 0.1:
                self.kept.append(snapshot.encode(chain.snapshot(), chain_id=chain.chain_id))
        for block in list(self.blocks.values()):
            self.deliver(chain, block, max(now, block.slot))
        self.check(chain)
        return chain

    def resume(self, kept: bytes) -> Chain:
        """Give a chain that starts at a snapshot all blocks, checking it after each; return it."""
        read = snapshot.decode(kept, self.world.profile)
        assert snapshot.encode(lambda: read, chain_id=self.world.profile.chain_id) == kept
        chain = self.world.chain(snapshot=read, execute=self.execute)
        self.check(chain)
        for block in list(self.blocks.values()):
            self.offer(chain, block.slot)
            self.deliver(chain, block, block.slot)
            self.check(chain)
        return chain

    def deliver(self, chain: Chain, block: SignedBlock, now: int) -> bool:
        """Give the chain a block; return whether it need not come again."""
        effects = receive(chain, block, now_slot=now)
        self.depths += [record.depth for record in of_kind(effects, Switched)]
        refused = of_kind(effects, Rejected)
        self.failed += block.id in self.broken and bool(refused)
        return chain.has_block(block.id) or bool(refused)

    def offer(self, chain: Chain, now: int) -> None:
        """Hand the chain a transaction: a new one, or one that was made for any branch."""
        old = self.rng.random() < 0.4 and self.sent
        one = self.rng.choice(list(self.sent.values())) if old else self.transaction(chain)
        submit(chain, one, slot=now, peer=self.rng.choice((None, "peer")))

    # ------------------------------------------------------------ the truth

    def truth(self, block_id: bytes) -> Truth:
        """Return what a chain has that gets the branch of a block and nothing else."""
        if block_id not in self.truths:
            straight = self.world.chain()
            for block in self.branch(block_id):
                receive(straight, block, now_slot=self.first_slot + FAR)
                assert straight.head.id == block.id
                self.truths[block.id] = _truth(straight)
            self.check_votes(block_id)
        return self.truths[block_id]

    def check_votes(self, block_id: bytes) -> None:
        """Check that votes, elections and money after a block are what its branch's blocks give."""
        if self.world.genesis.fio is not None:
            expected = Recount(self.world.genesis).read(self.branch(block_id)).rows()
            assert kept(self.truths[block_id].rows, expected) == expected
        if self.world.votes:
            told = bitshares_recount.Recount(self.world.genesis).read(self.branch(block_id))
            assert bitshares_recount.kept(self.truths[block_id].rows) == told.rows()
        if self.world.has_money:
            rows = self.truths[block_id].rows
            assert paying.kept(rows) == self.recount(block_id).rows()
            assert supply(rows) == SUPPLY + paying.QUICK.reserve

    def recount(self, block_id: bytes) -> MoneyRecount:
        """Return the money of a branch by another way."""
        return MoneyRecount(self.world.genesis).read(self.branch(block_id))

    def check(self, chain: Chain) -> None:
        """Check that the chain is where a straight replay is, and that what waits is not seen."""
        head, lib = self.truth(chain.head.id), self.truth(chain.lib.id)
        assert chain.state_digest == head.digest
        image = chain._ledger.image(chain.head.num)
        assert (image.tables, image.digest) == (head.rows, head.digest)
        kept = chain.snapshot()()
        final = self.truth(kept.state.id)
        told = notices.supply(kept, chain.contracts)
        assert (told.num, sum(told.held.values())) == (kept.state.num, self.units + told.issued)
        assert (kept.ledger.tables, kept.ledger.digest) == (final.rows, final.digest)
        owned = {user: chain.balance(user) for user in USERS}
        assert owned == self.naive_balances(chain.head.id)
        assert owned == {user: head.rows["balances"][user] for user in USERS}
        for user in USERS:
            assert chain.balance(user, read="irreversible") == lib.rows["balances"][user]
        for transaction_id in self.sent:
            known = transaction_id in head.rows["seen"]
            assert chain._ledger.has_transaction(transaction_id) is known
        if chain._ledger.is_open:
            pending = chain._ledger._state.rows(BALANCES)
            expected = self.naive_balances(chain.head.id, *chain.mempool)
            assert {user: pending[user] for user in USERS} == expected

    def naive_balances(self, block_id: bytes, *more: Transaction) -> dict[str, int]:
        """Return what everybody owns by adding up what a block's branch and more moved."""
        if self.world.has_money:
            recount = self.recount(block_id)
            for transaction in more:
                recount.take(transaction.operations)
            return {user: recount.owned[user] for user in USERS}
        owned, chance = dict.fromkeys(USERS, SUPPLY // len(USERS)), SecondRandom()

        def move(transaction: Transaction) -> None:
            for one in transaction.operations:
                if isinstance(one, Raffle):
                    sender, recipient = one.giver, chance.winner(one.among)
                elif hasattr(one, "sender"):
                    sender, recipient = one.sender, one.recipient
                else:
                    continue
                owned[sender] -= one.amount
                owned[recipient] += one.amount
                assert owned[sender] >= 0

        for block in self.branch(block_id):
            for transaction in block.transactions:
                move(transaction)
            if self.is_random:
                chance.absorb(block)
        for transaction in more:
            move(transaction)
        assert sum(owned.values()) == SUPPLY
        return owned


def _truth(chain: Chain) -> Truth:
    image = chain._ledger.image(chain.head.num)
    return Truth(image.digest, {name: dict(rows) for name, rows in image.tables.items()})
