"""What a received block or transaction must pass before it is kept or sent on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from node.chain.encoding.crypto import Verifier
from node.chain.execution import Room
from node.chain.fork_db import ForkDB
from node.chain.ledger.mempool import Mempool
from node.chain.ledger.pending import Pending
from node.chain.model.block import SignedBlock
from node.chain.model.errors import BlockRejected, Reason, TransactionRejected
from node.chain.model.messages import Effect, Emit, Refuse, Relay, TransactionsReceived
from node.chain.model.transaction import Transaction
from node.chain.profile import ChainState, Profile
from node.events import Rejected, Txs

BLOCK_OVERHEAD_BYTES = 512
"""Room in a block for everything but transactions, when no schedule is proposed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose blocks are executed without checking signatures, expiration and TaPoS of transactions.

    light: everybody's; producers: theirs. Headers and what execution yields are always checked.
    """

    light: bool = False
    producers: frozenset[str] = frozenset()

    def covers(self, block: SignedBlock) -> bool:
        """Return whether the block's transactions are taken on trust."""
        return self.light or block.producer in self.producers


NOBODY_TRUSTED = Trust()
EVERYBODY_TRUSTED = Trust(light=True)


class WholeCheck:
    """Tells whether a block's transactions are those that its header is of.

    Mutable: the last block of which that was so. Who puts a block together asks before it comes.
    """

    __slots__ = ("_last", "_profile")

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._last: SignedBlock | None = None

    def __call__(self, block: SignedBlock) -> bool:
        """Return whether they are."""
        if block is self._last:
            return True
        root = self._profile.transaction_mroot(block.transactions)
        if root != block.header.transaction_mroot:
            return False
        self._last = block
        return True


def check_place(
    block: SignedBlock, now_ns: int, *, fork_db: ForkDB, profile: Profile
) -> ChainState:
    """Return the state of a block's parent, after what depends on where the chain is, and when.

    Raises:
        BlockRejected: the first rule broken.
    """
    if profile.clock.time_ns(block.slot) >= now_ns + profile.future_limit_ns:
        raise BlockRejected(Reason.FUTURE_BLOCK, block.num)
    if block.num <= fork_db.root.num:
        raise BlockRejected(Reason.BEFORE_IRREVERSIBLE, block.num)
    parent = fork_db.get(block.previous)
    if parent is None:
        raise BlockRejected(Reason.UNLINKABLE, block.num)
    return parent.state


def judge_content(
    block: SignedBlock,
    size_bytes: int,
    parent: ChainState,
    profile: Profile,
    verifier: Verifier,
    is_whole: WholeCheck,
) -> ChainState:
    """Return the state the block's header leads to, after what follows from it and its parent.

    Raises:
        BlockRejected: the first rule broken.
    """
    if size_bytes > profile.max_block_bytes(parent):
        raise BlockRejected(Reason.BLOCK_TOO_LARGE, block.num)
    most_us = profile.clock.most_us
    if most_us is not None and block.cost_us > most_us:
        raise BlockRejected(Reason.BLOCK_TOO_LONG, block.num)
    if block.extensions:
        # No id and no signature covers them: whoever passes a block on could have added them.
        raise BlockRejected(Reason.UNKNOWN_EXTENSION, block.num)
    if not is_whole(block):
        raise BlockRejected(Reason.BAD_TRANSACTION_MROOT, block.num)
    state = parent.child(block.header)
    if verifier.signer(state.signing_digest, block.signature) != state.signing_key:
        raise BlockRejected(Reason.BAD_SIGNATURE, block.num)
    return state.with_id(block.id)


Judge = Callable[[SignedBlock, int, ChainState, Profile, Verifier, WholeCheck], ChainState]
"""Judges a block as `judge_content` does."""


def admit_transactions(
    event: TransactionsReceived,
    time_ns: int,
    *,
    head: ChainState,
    pending: Pending,
    mempool: Mempool,
    most: Room,
) -> list[Effect]:
    """Return what to do about transactions; each that could be executed at time_ns now waits.

    most: what a block without anything else has room for.
    """
    effects: list[Effect] = []
    taken: list[Transaction] = []
    refused: dict[Reason, list[Transaction]] = {}
    caught_up = False
    for index, transaction in enumerate(event.transactions):
        try:
            if not most.fits(transaction):
                raise TransactionRejected(Reason.TOO_LARGE)
            if transaction.id in mempool:
                raise TransactionRejected(Reason.DUPLICATE)
            if not caught_up:
                effects += pending.catch_up(head, time_ns)
                caught_up = True
            pending.admit(transaction)
        except TransactionRejected as error:
            refused.setdefault(error.reason, []).append(transaction)
            if event.peer is None:
                effects.append(Refuse(index=index, reason=error.reason))
            continue
        taken.append(transaction)
    ids = [transaction.id for transaction in taken]
    if event.peer is None:
        mempool.watch(ids)
    for reason, those in refused.items():
        effects.extend(_notices(those, reason, event.peer))
    effects.extend(mempool.tell(ids, "accepted"))
    if taken:
        effects.append(Relay(transactions=taken, source=event.peer))
    return effects


def _notices(refused: list[Transaction], reason: Reason, peer: str | None) -> Iterator[Emit]:
    """Yield what is told of transactions that were not taken."""
    ids = [transaction.id.hex() for transaction in refused]
    if peer is None:
        yield Emit(record=Txs(ids=ids, state="rejected", reason=reason))
    elif reason != Reason.DUPLICATE:
        for txid in ids:
            record = Rejected(what="transaction", reason=reason, from_=peer, id=txid)
            yield Emit(record=record)
