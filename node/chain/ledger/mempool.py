"""Transactions that wait for a block, and the lives of those that entered the network here.

In order of arrival, bounded; those of a lost branch come first.
"""

from collections.abc import Iterable, Iterator
from itertools import chain as concat

from node.chain.ledger.expirations import Expirations
from node.chain.model.block import SignedBlock
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.messages import Emit
from node.chain.model.transaction import Transaction
from node.events import Txs, TxState

MAX_TRANSACTIONS = 20_000
MAX_BYTES = 32 * 1024 * 1024
SHORT_BYTES = 8
"""So much of its beginning tells an id apart from the others here, but for rare mishaps."""


class Mempool:
    """Mutable: what waits, by id and in order; what expires when; ids entered here."""

    __slots__ = (
        "_by_expiry", "_by_short", "_bytes", "_entered_here", "_max_bytes", "_max_count",
        "_waiting",
    )  # fmt: skip

    def __init__(self, *, max_count: int = MAX_TRANSACTIONS, max_bytes: int = MAX_BYTES) -> None:
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entered_here: set[bytes] = set()
        self._waiting: dict[bytes, Transaction] = {}
        self._by_short: dict[bytes, Transaction] = {}
        self._by_expiry = Expirations()

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, transaction_id: bytes) -> bool:
        return transaction_id in self._waiting

    def __iter__(self) -> Iterator[Transaction]:
        """Iterate over a copy, oldest first, so that the caller may remove as it goes."""
        return iter(list(self._waiting.values()))

    def get(self, transaction_id: bytes) -> Transaction | None:
        """Return the transaction of that id, None where it does not wait."""
        return self._waiting.get(transaction_id)

    def find(self, short: bytes) -> Transaction | None:
        """Return a transaction whose id begins so, None where none waits or one more did."""
        return self._by_short.get(short)

    def check_room(self, transaction: Transaction) -> None:
        """Check that a transaction, which does not wait yet, can be added.

        Raises:
            TransactionRejected: no room.
        """
        over = self._bytes + transaction.size_bytes > self._max_bytes
        if over or len(self._waiting) >= self._max_count:
            raise TransactionRejected(Reason.MEMPOOL_FULL)

    def add(self, transaction: Transaction) -> None:
        """Append a transaction that was executed on what waits before it; there is room for it."""
        self._waiting[transaction.id] = transaction
        self._note(transaction)

    def requeue(self, transactions: Iterable[Transaction]) -> None:
        """Put transactions of undone blocks in front, in their order; there is room for them.

        They were in blocks, so their number is bounded by the reversible blocks.
        """
        again = {t.id: t for t in transactions if t.id not in self._waiting}
        self._waiting = dict(concat(again.items(), self._waiting.items()))
        for transaction in again.values():
            self._note(transaction)

    def remove(self, transaction_ids: Iterable[bytes]) -> None:
        """Drop those of transactions that are there."""
        for transaction_id in transaction_ids:
            transaction = self._waiting.pop(transaction_id, None)
            if transaction is not None:
                self._bytes -= transaction.size_bytes
                self._by_short.pop(transaction_id[:SHORT_BYTES], None)
                self._by_expiry.discard(transaction.expiration_s, transaction_id)

    def drop(self, transaction_id: bytes, reason: Reason) -> list[Emit]:
        """Drop a transaction that can no longer be executed; return the notice of that."""
        self.remove((transaction_id,))
        state: TxState = "expired" if reason == Reason.EXPIRED else "rejected"
        return self.tell([transaction_id], state, reason=reason)

    def expire(self, time_ns: int) -> list[bytes]:
        """Drop the transactions whose expiration lies before time_ns; return their ids."""
        gone = [transaction_id for _, transaction_id in self._by_expiry.pop(time_ns)]
        if gone:
            self.remove(gone)
        return gone

    def watch(self, transaction_ids: Iterable[bytes]) -> None:
        """Report these transactions' lives from now on: their client is here."""
        self._entered_here.update(transaction_ids)

    def tell(
        self, transaction_ids: Iterable[bytes], state: TxState, *, num: int = 0, reason: str = ""
    ) -> list[Emit]:
        """Return the notice of a step that transactions took; of those that entered here."""
        own = [each for each in transaction_ids if each in self._entered_here]
        if not own:
            return []
        if state in ("irreversible", "expired", "rejected"):
            self._entered_here.difference_update(own)
        ids = [each.hex() for each in own]
        return [Emit(record=Txs(ids=ids, state=state, num=num, reason=reason))]

    def tell_block(self, block: SignedBlock, state: TxState) -> list[Emit]:
        """Return the notice of a step that the transactions of a block took with it."""
        if not block.transactions:
            return []
        return self.tell([each.id for each in block.transactions], state, num=block.num)

    def _note(self, transaction: Transaction) -> None:
        self._bytes += transaction.size_bytes
        self._by_short[transaction.id[:SHORT_BYTES]] = transaction
        self._by_expiry.add(transaction.expiration_s, transaction.id)
