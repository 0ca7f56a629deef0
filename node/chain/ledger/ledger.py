"""Executing blocks on the state: replay protection, the ring of recent ids, the order of checks.

It names no operation: what a transaction does is the consensus system's contracts'.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Any

import msgspec

from node.chain.encoding.crypto import Verifier
from node.chain.genesis import Genesis
from node.chain.ledger.accounts import BALANCES
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import Announcement, OpenBlock
from node.chain.model.slot import NS_PER_S
from node.chain.model.transaction import Transaction, reference
from node.chain.profile import ChainState, Check, Executed, TransactionRules
from node.chain.state.state import Change, K, State, Table, V
from node.events import Event

ON_TRUST = frozenset[Check](("expiry", "lifetime", "tapos", "signature"))
"""What light validation, trusted producers and replay do not check again."""
RING_SIZE = 65_536
RING = Table("ring", int, bytes)
"""A block's number modulo RING_SIZE to its id."""
SEEN = Table("seen", bytes, int)
"""The id of a transaction of this branch to its expiration in s, until it has expired."""


def tables_of(rules: TransactionRules) -> tuple[Table[Any, Any], ...]:
    """Return the tables of a ledger with these rules."""
    return (RING, SEEN, *rules.contracts.tables)


class LedgerImage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ledger after one block, without the means to undo it: all rows, by table and key."""

    tables: Mapping[str, Mapping[Any, Any]]
    digest: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


@dataclass(slots=True)
class _Running:
    """The block at hand: its parent, what contracts see of it, how many facts are its opening's."""

    parent: ChainState
    block: OpenBlock
    opening: int
    traces: list[bytes] = field(default_factory=list)
    seen: list[tuple[int, bytes]] = field(default_factory=list)


class Ledger:
    """The state at the head. One block at a time: begin, execute …, finish, then end or abort.

    Mutable: the state, a heap of expirations, the block at hand.
    """

    __slots__ = ("_by_expiry", "_chain_id", "_head_num", "_lifetime_s", "_rules", "_run", "_state")

    def __init__(
        self, genesis: Genesis, *, chain_id: bytes, genesis_id: bytes, rules: TransactionRules
    ) -> None:
        self._rules = rules
        self._chain_id = chain_id
        self._lifetime_s = genesis.max_transaction_lifetime_s
        self._by_expiry: list[tuple[int, bytes]] = []
        self._run: _Running | None = None
        self._head_num = int.from_bytes(genesis_id[:4], "big")
        self._state = State(tables_of(rules))
        self._state.open(self._head_num)
        if self._head_num > 0:
            # A system whose first block is number 1 has no block to refer to before that.
            self._state.put(RING, self._head_num % RING_SIZE, genesis_id)
        rules.contracts.found(genesis, self._state)
        self._state.close(chain_id)
        self._state.commit(self._head_num)

    # ------------------------------------------------------------ views of the head's state

    @property
    def digest(self) -> bytes:
        """Return the commitment to this branch's state."""
        return self._state.digest

    @property
    def is_open(self) -> bool:
        """Return whether a block is at hand."""
        return self._run is not None

    def balance_at(self, account: str, num: int) -> int:
        """Return what account owned after block num, which is not older than what can be undone.

        0 for an account that does not exist.
        """
        return self._state.row_after(BALANCES, account, num) or 0

    def row(self, table: Table[K, V], key: K) -> V | None:
        """Return a row of the state at the head, None where there is none."""
        return self._state.row_after(table, key, self._head_num)

    def balance(self, account: str) -> int:
        """Return what account owns at the head."""
        return self.row(BALANCES, account) or 0

    def id_at(self, num: int) -> bytes | None:
        """Return the id of this branch's block num, if it is among the last 65,536."""
        block_id = self._state.get(RING, num % RING_SIZE)
        if block_id is None or int.from_bytes(block_id[:4], "big") != num:
            return None
        return block_id

    def has_transaction(self, transaction_id: bytes) -> bool:
        """Return whether this branch holds the transaction and it has not expired yet."""
        return self.row(SEEN, transaction_id) is not None

    # ------------------------------------------------------------ a block

    @property
    def announced(self) -> Announcement | None:
        """Return what the header of the block at hand must carry, as far as that is known."""
        return self._running().block.announced

    def begin(self, parent: ChainState, slot: int, time_ns: int) -> None:
        """Open the child of parent in slot and do what the contracts do before transactions."""
        assert self._run is None
        self._state.open(parent.num + 1)
        block = OpenBlock(self._state, parent.num + 1, slot, time_ns)
        self._rules.contracts.open(parent, block)
        self._run = _Running(parent, block, len(block.facts))

    def forget_expired(self) -> None:
        """Drop the ids of transactions that expired strictly before the time of the open block."""
        time_ns = self._running().block.time_ns
        while self._by_expiry and self._by_expiry[0][0] * NS_PER_S < time_ns:
            expiration_s, transaction_id = heapq.heappop(self._by_expiry)
            if self._state.get(SEEN, transaction_id) == expiration_s:
                self._state.remove(SEEN, transaction_id)

    def advance(self, time_ns: int) -> None:
        """Let the block at hand be of a later time."""
        block = self._running().block
        block.time_ns = max(block.time_ns, time_ns)

    def execute(self, transaction: Transaction, verifier: Verifier | None) -> None:
        """Execute a transaction in the open block; one that raises leaves no trace.

        verifier None is light validation: signatures, expiration and TaPoS are taken on trust, what
        execution needs is not.

        Raises:
            TransactionRejected: the first rule broken, in the order of the rules.
        """
        run, state = self._running(), self._state
        for check in self._rules.order:
            if verifier is None and check in ON_TRUST:
                continue
            reason = self._broken(check, transaction, run.block.time_ns, verifier)
            if reason is not None:
                raise TransactionRejected(reason)
        savepoint, facts = state.savepoint(), len(run.block.facts)
        run.block.touched.clear()
        try:
            self._rules.contracts.apply(transaction, run.block)
        except TransactionRejected:
            state.rollback(savepoint)
            del run.block.facts[facts:]
            raise
        state.put(SEEN, transaction.id, transaction.expiration_s)
        run.seen.append((transaction.expiration_s, transaction.id))
        run.traces.append(_trace(transaction.id, len(run.traces), run.block.facts[facts:]))

    def finish(self, transaction_mroot: bytes) -> Executed:
        """Do what comes after the transactions; return what the header must say of all of it."""
        run = self._running()
        transactions_end = len(run.block.facts)
        self._rules.contracts.close(run.parent, run.block)
        around = run.block.facts[: run.opening] + run.block.facts[transactions_end:]
        return Executed(
            transaction_mroot=transaction_mroot,
            before=self._state.digest,
            opening=msgspec.msgpack.encode(around),
            traces=tuple(run.traces),
            announced=run.block.announced,
        )

    def end(self, block_id: bytes) -> tuple[bytes, list[Event]]:
        """Close the block at hand under its id; return the new state digest and its facts."""
        run = self._running()
        self._state.put(RING, run.block.num % RING_SIZE, block_id)
        digest = self._state.close(block_id)
        for entry in run.seen:
            heapq.heappush(self._by_expiry, entry)
        self._head_num, self._run = run.block.num, None
        return digest, run.block.facts

    def abort(self) -> None:
        """Drop the block at hand."""
        self._running()
        self._remember(self._state.abort())
        self._run = None

    def undo(self) -> None:
        """Take back the newest block."""
        assert self._run is None
        self._remember(self._state.undo())
        self._head_num -= 1

    def commit(self, num: int) -> None:
        """Give up undo for blocks up to num."""
        self._state.commit(num)

    # ------------------------------------------------------------ images

    def image(self, num: int) -> LedgerImage:
        """Return the state after block num, which is not older than what can be undone."""
        tables, digest = self._state.image(num)
        return LedgerImage(tables=tables, digest=digest)

    def load(self, image: LedgerImage, num: int) -> None:
        """Begin with the state of an image after block num, of which nothing can be undone."""
        self._state.load(image.tables, image.digest)
        self._head_num = num
        self._by_expiry = sorted((expires, i) for i, expires in self._state.rows(SEEN).items())

    # ------------------------------------------------------------ inside

    def _running(self) -> _Running:
        assert self._run is not None
        return self._run

    def _remember(self, taken: list[Change]) -> None:
        """Let the ids expire again that were forgotten in what was taken back."""
        for table, transaction_id, expiration_s in taken:
            if table == SEEN.name and expiration_s is not None:
                heapq.heappush(self._by_expiry, (expiration_s, transaction_id))

    def _broken(
        self, check: Check, transaction: Transaction, time_ns: int, verifier: Verifier | None
    ) -> Reason | None:
        """The reason when the transaction fails that check."""
        header = transaction.header
        expiration_ns = header.expiration_s * NS_PER_S
        match check:
            case "expiry":
                return Reason.EXPIRED if expiration_ns < time_ns else None
            case "lifetime":
                late = expiration_ns > time_ns + self._lifetime_s * NS_PER_S
                return Reason.EXPIRATION_TOO_FAR if late else None
            case "tapos":
                known = self._state.get(RING, header.ref_block_num)
                if known is None:
                    passes = self._rules.unused_tapos and header.ref_block_prefix == 0
                    return None if passes else Reason.BAD_TAPOS
                prefix = reference(known, self._rules.form.prefix_at)[1]
                return Reason.BAD_TAPOS if prefix != header.ref_block_prefix else None
            case "accounts":
                return self._missing_account(transaction)
            case "duplicate":
                known_before = self._state.get(SEEN, transaction.id) is not None
                return Reason.DUPLICATE if known_before else None
            case "content":
                for operation in transaction.operations:
                    fault = operation.fault()
                    if fault is not None:
                        return fault
                return None
            case "signature":
                assert verifier is not None
                return self._badly_signed(transaction, verifier)

    def _missing_account(self, transaction: Transaction) -> Reason | None:
        key_of, state = self._rules.contracts.key_of, self._state
        for operation in transaction.operations:
            for account in (operation.authority, *operation.accounts):
                if key_of(account, state) is None:
                    return Reason.UNKNOWN_ACCOUNT
        return None

    def _badly_signed(self, transaction: Transaction, verifier: Verifier) -> Reason | None:
        """Each authority's key signed, once, and nobody else."""
        key_of, state = self._rules.contracts.key_of, self._state
        needed = {key_of(operation.authority, state) for operation in transaction.operations}
        digest = self._rules.form.signing_digest(self._chain_id, transaction.body)
        signers = [verifier.signer(digest, signature) for signature in transaction.signatures]
        if not needed <= set(signers):
            return Reason.BAD_SIGNATURE
        if len(signers) != len(set(signers)):
            return Reason.DUPLICATE_SIGNATURE
        return Reason.IRRELEVANT_SIGNATURE if len(signers) > len(needed) else None


def _trace(transaction_id: bytes, position: int, facts: list[Event]) -> bytes:
    """The hash of what a transaction did: which one, where in the block, the facts."""
    packed = msgspec.msgpack.encode(facts)
    return sha256(transaction_id + struct.pack("<I", position) + packed).digest()
