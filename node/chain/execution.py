"""Running blocks on the ledger: choosing what goes in, applying, moving to another branch."""

from collections.abc import Callable, Sequence

import msgspec

from node.chain import notices
from node.chain.encoding.crypto import Verifier
from node.chain.fork_db import ForkDB, ForkItem
from node.chain.ledger.ledger import Ledger
from node.chain.ledger.mempool import Mempool
from node.chain.model.block import SignedBlock
from node.chain.model.errors import BlockRejected, Reason, TransactionRejected
from node.chain.model.messages import Emit
from node.chain.model.transaction import Transaction
from node.chain.profile import ChainState, Profile
from node.events import Event

Told = tuple[Emit, ...]
"""The notices of an executed block: that it is, and what it changed and did."""
Execute = Callable[[Ledger, ForkItem, Profile, Verifier | None], Told]
"""Executes a block as `apply_block` does."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """How the head moved: down was undone, newest first; up applied, oldest first, and told."""

    old: ForkItem
    ancestor: ForkItem
    down: list[ForkItem]
    up: list[ForkItem]
    told: list[Told]


class Room(msgspec.Struct):
    """What a block has left for transactions: bytes, and virtual time in us, None for no limit."""

    bytes: int
    us: int | None

    def fits(self, transaction: Transaction) -> bool:
        """Return whether the transaction still fits."""
        in_time = self.us is None or transaction.cost_us <= self.us
        return in_time and transaction.room_bytes <= self.bytes

    def holds(self, transactions: Sequence[Transaction]) -> bool:
        """Return whether they all fit."""
        in_time = self.us is None or sum([one.cost_us for one in transactions]) <= self.us
        return in_time and sum([one.room_bytes for one in transactions]) <= self.bytes

    def take(self, transaction: Transaction) -> None:
        """Give a transaction its room."""
        self.bytes -= transaction.room_bytes
        if self.us is not None:
            self.us -= transaction.cost_us


def choose_transactions(
    ledger: Ledger, mempool: Mempool, room: Room, verifier: Verifier
) -> tuple[list[Transaction], list[Emit]]:
    """Return what was executed in the ledger's open block, and the notices of what was dropped.

    In the mempool's order, whatever still fits, and what does not goes on waiting in its place;
    what can no longer be executed is dropped.
    """
    chosen: list[Transaction] = []
    dropped: list[Emit] = []
    for transaction in mempool:
        if not room.fits(transaction):
            continue
        try:
            ledger.execute(transaction, verifier)
        except TransactionRejected as error:
            dropped.extend(mempool.drop(transaction.id, error.reason))
            continue
        room.take(transaction)
        chosen.append(transaction)
    return chosen, dropped


def apply_block(
    ledger: Ledger, item: ForkItem, profile: Profile, verifier: Verifier | None
) -> Told:
    """Execute a block on its parent's state; return what is told. Without verifier: on trust.

    Raises:
        BlockRejected: a transaction fails, or execution gives another header; the ledger is as
        before.
    """
    block, parent = item.signed, item.parent
    assert parent is not None
    time_ns = profile.transaction_time_ns(parent.state, profile.clock.time_ns(block.slot))
    ledger.begin(parent.state, block.slot, time_ns)
    ledger.forget_expired()
    try:
        for transaction in block.transactions:
            ledger.execute(transaction, verifier)
    except TransactionRejected as error:
        ledger.abort()
        raise BlockRejected(Reason.INVALID_TRANSACTIONS, block.num) from error
    executed = ledger.finish(block.header.transaction_mroot)
    if parent.state.rebuild(block.header, executed) != block.header:
        ledger.abort()
        raise BlockRejected(Reason.CONTENT_MISMATCH, block.num)
    return told(item.state, block, *ledger.end(block.id))


def told(state: ChainState, block: SignedBlock, digest: bytes, facts: list[Event]) -> Told:
    """Return the notices of a block after which these are its chain's state and its digest."""
    did = [Emit(record=record) for record in (*state.changes, *facts)]
    return (Emit(record=notices.applied(block, digest)), *did)


def move_head(
    fork_db: ForkDB,
    ledger: Ledger,
    new: ForkItem,
    profile: Profile,
    verifier_for: Callable[[ForkItem], Verifier | None],
    execute: Execute = apply_block,
) -> Move:
    """Undo to the common ancestor, apply new's branch and make new the head; return how.

    Raises:
        BlockRejected: a block of the branch cannot be executed. It and its descendants are gone;
            head and state are as before.
    Source:
        eosio libraries/chain/controller.cpp, maybe_switch_forks.
    """
    old = fork_db.head
    down, up, ancestor = fork_db.branches(old, new)
    for _ in down:
        ledger.undo()
    done: list[Told] = []
    for item in up:
        try:
            done.append(execute(ledger, item, profile, verifier_for(item)))
        except BlockRejected:
            for _ in done:
                ledger.undo()
            for known in reversed(down):
                apply_block(ledger, known, profile, None)
            fork_db.remove(item)
            raise
    for item in up:
        item.validated = True
    fork_db.head = new
    return Move(old=old, ancestor=ancestor, down=down, up=up, told=done)
