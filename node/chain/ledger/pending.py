"""The state after the head and after what waits: what is admitted is checked on it."""

from itertools import islice

from node.chain.encoding.crypto import Verifier
from node.chain.ledger.ledger import Ledger
from node.chain.ledger.mempool import Mempool
from node.chain.model.errors import TransactionRejected
from node.chain.model.messages import Emit
from node.chain.model.transaction import Transaction
from node.chain.profile import ChainState

REAPPLIED_MAX = 2_000
"""So many waiting transactions, the oldest, are executed again on a new head; others wait."""


class Pending:
    """The ledger's open block while none is made or executed: it holds what waits, and ends unused.

    A transaction may depend on one that was admitted before it. Only the ledger in it is mutable.
    """

    __slots__ = ("_ledger", "_mempool", "_verifier")

    def __init__(self, ledger: Ledger, mempool: Mempool, verifier: Verifier) -> None:
        self._ledger = ledger
        self._mempool = mempool
        self._verifier = verifier

    def catch_up(self, head: ChainState, time_ns: int) -> list[Emit]:
        """Execute what waits at time_ns, oldest first, if that was not done on this head.

        Return the notices of what can no longer be executed, and is dropped. What is admitted next
        is executed at the same time, or that of one admitted before, if that was later.
        """
        dropped: list[Emit] = []
        if self._ledger.is_open:
            self._ledger.advance(time_ns)
            return dropped
        self._ledger.begin(head, head.next_slot, time_ns)
        for waiting in islice(self._mempool, REAPPLIED_MAX):
            try:
                self._ledger.execute(waiting, self._verifier)
            except TransactionRejected as error:
                dropped.extend(self._mempool.drop(waiting.id, error.reason))
        return dropped

    def admit(self, transaction: Transaction) -> None:
        """Execute a transaction, which does not wait yet, after all that does; let it wait, too.

        Raises:
            TransactionRejected: it cannot be executed, or finds no room.
        """
        self._mempool.check_room(transaction)
        self._ledger.execute(transaction, self._verifier)
        self._mempool.add(transaction)

    def block(self, slot: int, time_ns: int) -> list[Transaction] | None:
        """Return all that waits, executed in the ledger's open block, now that of slot at time_ns.

        None where it must be executed anew for that; then the ledger is to be left.
        """
        done = self._ledger.continued(slot, time_ns) if self._ledger.is_open else None
        return done if done == list(self._mempool) else None

    def leave(self) -> None:
        """Give the ledger back at the head, to execute blocks."""
        if self._ledger.is_open:
            self._ledger.abort()
