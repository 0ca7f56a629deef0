"""Executing blocks on the state: replay protection, the ring of recent ids, undo.

It names no operation: what a transaction does is the consensus system's contracts'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec

from node.chain.encoding.crypto import Verifier
from node.chain.genesis import Genesis
from node.chain.ledger import accounts
from node.chain.ledger.accounts import ACCOUNTS, BALANCES
from node.chain.ledger.checks import RING, RING_SIZE, SEEN, Checks
from node.chain.ledger.expirations import Expirations
from node.chain.model.errors import TransactionRejected
from node.chain.model.operation import Announcement, OpenBlock
from node.chain.model.transaction import Transaction
from node.chain.profile import ChainState, Executed, TransactionRules
from node.chain.state.state import Change, K, State, Table, V
from node.events import Event

_NO_FACTS = msgspec.msgpack.encode([])


def tables_of(rules: TransactionRules) -> tuple[Table[Any, Any], ...]:
    """Return the tables of a ledger with these rules."""
    return (RING, SEEN, ACCOUNTS, BALANCES, *rules.contracts.tables)


class LedgerImage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ledger after one block, without the means to undo it: all rows, by table and key."""

    tables: Mapping[str, Mapping[Any, Any]]
    digest: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


@dataclass(slots=True)
class _Running:
    """The block at hand: its parent, what contracts see of it, how many facts are its opening's.

    plain: its opening changed nothing at all. done: its transactions so far, each with the facts of
    what it did.
    """

    parent: ChainState
    block: OpenBlock
    opening: int
    plain: bool
    done: list[tuple[Transaction, tuple[Event, ...]]] = field(default_factory=list)


class Ledger:
    """The state at the head. One block at a time: begin, execute …, finish, then end or abort.

    Mutable: the state, what expires when, the block at hand.
    """

    __slots__ = ("_by_expiry", "_checks", "_head_num", "_rules", "_run", "_state")

    def __init__(
        self, genesis: Genesis, *, chain_id: bytes, genesis_id: bytes, rules: TransactionRules
    ) -> None:
        self._rules = rules
        self._by_expiry = Expirations()
        self._run: _Running | None = None
        self._head_num = int.from_bytes(genesis_id[:4], "big")
        self._state = State(tables_of(rules))
        self._checks = Checks(
            rules, self._state, chain_id=chain_id, lifetime_s=genesis.max_transaction_lifetime_s
        )
        self._state.open(self._head_num)
        if self._head_num > 0:
            # A system whose first block is number 1 has no block to refer to before that.
            self._state.put(RING, self._head_num % RING_SIZE, genesis_id)
        accounts.found(genesis, self._state)
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
        plain = not (block.facts or block.announced or self._state.savepoint())
        self._run = _Running(parent, block, len(block.facts), plain)

    def forget_expired(self) -> None:
        """Drop the ids of transactions that expired strictly before the time of the open block."""
        for expiration_s, transaction_id in self._by_expiry.pop(self._running().block.time_ns):
            if self._state.get(SEEN, transaction_id) == expiration_s:
                self._state.remove(SEEN, transaction_id)

    def advance(self, time_ns: int) -> None:
        """Let the block at hand be of a later time."""
        block = self._running().block
        if time_ns > block.time_ns:
            block.time_ns = time_ns

    def continued(self, slot: int, time_ns: int) -> list[Transaction] | None:
        """Return the transactions of the block at hand, and let it be that of slot at time_ns.

        None where they might do something else there; what is to be done with it then is to abort.
        """
        run = self._running()
        block, done = run.block, [transaction for transaction, _ in run.done]
        if not run.plain or block.slot != slot or block.time_ns > time_ns:
            return None
        if any(operation.BY_TIME for one in done for operation in one.operations):
            return None
        block.time_ns = time_ns
        self.forget_expired()
        return done

    def execute(self, transaction: Transaction, verifier: Verifier | None) -> None:
        """Execute a transaction in the open block; one that raises leaves no trace.

        verifier None is light validation: signatures, expiration and TaPoS are taken on trust, what
        execution needs is not.

        Raises:
            TransactionRejected: the first rule broken, in the order of the rules.
        """
        run, state = self._running(), self._state
        block = run.block
        reason = self._checks.broken(transaction, block.time_ns, verifier)
        if reason is not None:
            raise TransactionRejected(reason)
        savepoint, facts, announced = state.savepoint(), len(block.facts), block.announced
        block.touched.clear()
        try:
            self._rules.contracts.apply(transaction, block)
        except TransactionRejected:
            state.rollback(savepoint)
            del block.facts[facts:]
            block.announced = announced
            raise
        state.put(SEEN, transaction.id, transaction.expiration_s)
        run.done.append((transaction, tuple(block.facts[facts:])))

    def finish(self, transaction_mroot: bytes) -> Executed:
        """Do what comes after the transactions; return what the header must say of all of it."""
        run = self._running()
        facts = run.block.facts
        transactions_end = len(facts)
        self._rules.contracts.close(run.parent, run.block)
        around = facts[: run.opening] + facts[transactions_end:] if facts else facts
        return Executed(
            transaction_mroot=transaction_mroot,
            before=self._state.digest,
            opening=_packed(around),
            traces=tuple([(one.id, _packed(facts)) for one, facts in run.done]),
            announced=run.block.announced,
        )

    def end(self, block_id: bytes) -> tuple[bytes, list[Event]]:
        """Close the block at hand under its id; return the new state digest and its facts."""
        run = self._running()
        self._state.put(RING, run.block.num % RING_SIZE, block_id)
        digest = self._state.close(block_id)
        for transaction, _ in run.done:
            self._by_expiry.add(transaction.expiration_s, transaction.id)
        self._head_num, self._run = run.block.num, None
        return digest, run.block.facts

    def changed(self) -> list[Change]:
        """Return what the newest block changed, with the rows that it left; None: none."""
        return self._state.changed()

    def repeat(
        self,
        num: int,
        time_ns: int,
        changed: Sequence[Change],
        digest: bytes,
        done: Sequence[Transaction],
    ) -> None:
        """Do block num over, by what it changed and its digest at a ledger in the same state."""
        assert self._run is None
        self._state.repeat(num, changed, digest)
        self._by_expiry.pop(time_ns)  # Their rows are gone by what changed.
        for transaction in done:
            self._by_expiry.add(transaction.expiration_s, transaction.id)
        self._head_num = num

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
        return self.frozen(num)()

    def frozen(self, num: int) -> Callable[[], LedgerImage]:
        """Return what gives the image, once, on whatever thread, whatever comes next here."""
        frozen = self._state.frozen(num)

        def image() -> LedgerImage:
            tables, digest = frozen()
            return LedgerImage(tables=tables, digest=digest)

        return image

    def load(self, image: LedgerImage, num: int) -> None:
        """Begin with the state of an image after block num, of which nothing can be undone."""
        self._state.load(image.tables, image.digest)
        self._head_num = num
        self._by_expiry = Expirations()
        for transaction_id, expiration_s in self._state.rows(SEEN).items():
            self._by_expiry.add(expiration_s, transaction_id)

    # ------------------------------------------------------------ inside

    def _running(self) -> _Running:
        assert self._run is not None
        return self._run

    def _remember(self, taken: list[Change]) -> None:
        """Let the ids expire again that were forgotten in what was taken back."""
        for table, transaction_id, expiration_s in taken:
            if table == SEEN.name and expiration_s is not None:
                self._by_expiry.add(expiration_s, transaction_id)


def _packed(facts: Sequence[Event]) -> bytes:
    return msgspec.msgpack.encode(facts) if facts else _NO_FACTS
