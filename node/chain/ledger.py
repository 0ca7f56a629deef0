"""The state that transactions change: balances, replay protection, the ring of recent ids.

Everything here belongs to one branch, the head's. A fork switch undoes blocks and applies others;
the journal of a block holds what it overwrote. The state digest chains each block's changes, so
that equal digests at equal ids mean equal states.
"""

from __future__ import annotations

import heapq
import struct
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from node.chain.crypto import Verifier
from node.chain.errors import Reason, TransactionRejected
from node.chain.genesis import Genesis
from node.chain.name import name_to_u64
from node.chain.transaction import Transaction, reference

Check = Literal["expiry", "lifetime", "tapos", "accounts", "duplicate", "amount", "signature"]
RING_SIZE = 65_536
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class TransactionRules:
    """What a consensus system says about transactions.

    prefix_at: where in a block id the bytes of ref_block_prefix are; order: of the checks, of which
    the first that fails gives the reason.
    """

    prefix_at: int
    order: tuple[Check, ...]


@dataclass(slots=True)
class _Journal:
    """What one block overwrote, newest last, and the digest before it."""

    num: int
    digest: bytes
    balances: dict[str, int] = field(default_factory=dict)
    added: list[bytes] = field(default_factory=list)
    expired: list[tuple[int, bytes]] = field(default_factory=list)
    ring: tuple[int, bytes | None] | None = None


class Ledger:
    """The state at the head. One block at a time: begin, execute …, then end or abort.

    Mutable: balances by account, seen transaction ids with their expiration, the TaPoS ring,
    journals of the reversible blocks, the digest.
    """

    __slots__ = (
        "_balances", "_by_expiry", "_chain_id", "_digest", "_journals", "_keys", "_lifetime_s",
        "_open", "_ring", "_rules", "_seen", "_time_ns",
    )  # fmt: skip

    def __init__(
        self, genesis: Genesis, *, chain_id: bytes, genesis_id: bytes, rules: TransactionRules
    ) -> None:
        self._rules = rules
        self._chain_id = chain_id
        self._lifetime_s = genesis.max_transaction_lifetime_s
        self._balances = {account.name: account.balance for account in genesis.accounts}
        self._keys = {account.name: bytes.fromhex(account.key) for account in genesis.accounts}
        self._seen: dict[bytes, int] = {}
        self._by_expiry: list[tuple[int, bytes]] = []
        self._ring: dict[int, bytes] = {int.from_bytes(genesis_id[:4], "big"): genesis_id}
        self._journals: deque[_Journal] = deque()
        self._open: _Journal | None = None
        self._time_ns = 0
        self._digest = sha256(chain_id + _pack_balances(self._balances.items())).digest()

    @property
    def digest(self) -> bytes:
        """Return the commitment to this branch's state."""
        return self._digest

    def balance(self, account: str) -> int:
        """Return what account owns, 0 for an account that does not exist."""
        return self._balances.get(account, 0)

    def id_at(self, num: int) -> bytes | None:
        """Return the id of this branch's block num, if it is among the last 65,536."""
        block_id = self._ring.get(num % RING_SIZE)
        if block_id is None or int.from_bytes(block_id[:4], "big") != num:
            return None
        return block_id

    def has_transaction(self, transaction_id: bytes) -> bool:
        """Return whether this branch holds the transaction and it has not expired yet."""
        return transaction_id in self._seen

    def check(self, transaction: Transaction, time_ns: int, verifier: Verifier | None) -> None:
        """Check that a transaction may be executed now in a block of time_ns.

        verifier None skips the signature (blocks from this node's own store). A reference to a
        block that does not exist yet is refused, also where upstream lets (0, 0) pass.

        Raises:
            TransactionRejected: the first rule broken, in the order of the rules.
        """
        for name in self._rules.order:
            reason = self._broken(name, transaction, time_ns, verifier)
            if reason is not None:
                raise TransactionRejected(reason)
        if self._balances[transaction.transfer.sender] < transaction.transfer.amount:
            raise TransactionRejected(Reason.INSUFFICIENT_BALANCE)

    def _broken(
        self, name: Check, transaction: Transaction, time_ns: int, verifier: Verifier | None
    ) -> Reason | None:
        """The reason when the transaction fails that check."""
        transfer = transaction.transfer
        expiration_ns = transfer.expiration_s * NS_PER_S
        match name:
            case "expiry":
                return Reason.EXPIRED if expiration_ns < time_ns else None
            case "lifetime":
                late = expiration_ns > time_ns + self._lifetime_s * NS_PER_S
                return Reason.EXPIRATION_TOO_FAR if late else None
            case "tapos":
                known = self._ring.get(transfer.ref_block_num)
                if known is None:
                    return Reason.BAD_TAPOS
                prefix = reference(known, self._rules.prefix_at)[1]
                return Reason.BAD_TAPOS if prefix != transfer.ref_block_prefix else None
            case "accounts":
                known_all = transfer.sender in self._keys and transfer.recipient in self._keys
                return None if known_all else Reason.UNKNOWN_ACCOUNT
            case "duplicate":
                return Reason.DUPLICATE if transaction.id in self._seen else None
            case "amount":
                return Reason.ZERO_AMOUNT if transfer.amount == 0 else None
            case "signature":
                if verifier is None:
                    return None
                digest = transaction.signing_digest(self._chain_id)
                key = verifier.signer(digest, transaction.signature)
                return None if key == self._keys[transfer.sender] else Reason.BAD_SIGNATURE

    def begin(self, num: int, time_ns: int) -> None:
        """Open block num of that time; ids that expired strictly before it are forgotten."""
        assert self._open is None
        journal = _Journal(num, self._digest)
        self._open, self._time_ns = journal, time_ns
        while self._by_expiry and self._by_expiry[0][0] * NS_PER_S < time_ns:
            entry = heapq.heappop(self._by_expiry)
            if self._seen.get(entry[1]) == entry[0]:
                del self._seen[entry[1]]
                journal.expired.append(entry)

    def execute(self, transaction: Transaction, verifier: Verifier | None) -> None:
        """Execute a transaction in the open block; one that raises leaves no trace.

        Raises:
            TransactionRejected: a rule is broken at this point of the block.
        """
        journal = self._open
        assert journal is not None
        self.check(transaction, self._time_ns, verifier)
        transfer = transaction.transfer
        for account, change in (
            (transfer.sender, -transfer.amount),
            (transfer.recipient, transfer.amount),
        ):
            journal.balances.setdefault(account, self._balances[account])
            self._balances[account] += change
        self._seen[transaction.id] = transfer.expiration_s
        heapq.heappush(self._by_expiry, (transfer.expiration_s, transaction.id))
        journal.added.append(transaction.id)

    def end(self, block_id: bytes) -> bytes:
        """Close the open block under its id; return the new state digest."""
        journal = self._open
        assert journal is not None
        place = journal.num % RING_SIZE
        journal.ring = (place, self._ring.get(place))
        self._ring[place] = block_id
        changed = sorted((account, self._balances[account]) for account in journal.balances)
        self._digest = sha256(
            self._digest + block_id + _pack_balances(changed) + b"".join(journal.added)
        ).digest()
        self._journals.append(journal)
        self._open = None
        return self._digest

    def abort(self) -> None:
        """Drop the open block."""
        assert self._open is not None
        self._restore(self._open)
        self._open = None

    def undo(self) -> None:
        """Take back the newest block."""
        assert self._open is None
        self._restore(self._journals.pop())

    def commit(self, num: int) -> None:
        """Give up undo for blocks up to num."""
        while self._journals and self._journals[0].num <= num:
            self._journals.popleft()

    def _restore(self, journal: _Journal) -> None:
        self._balances.update(journal.balances)
        for transaction_id in journal.added:
            del self._seen[transaction_id]
        for entry in journal.expired:
            self._seen[entry[1]] = entry[0]
            heapq.heappush(self._by_expiry, entry)
        if journal.ring is not None:
            place, before = journal.ring
            if before is None:
                del self._ring[place]
            else:
                self._ring[place] = before
        self._digest = journal.digest


def _pack_balances(balances: Iterable[tuple[str, int]]) -> bytes:
    return b"".join(
        struct.pack("<QQ", name_to_u64(account), amount) for account, amount in sorted(balances)
    )
