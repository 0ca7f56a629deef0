"""What a transaction must pass before it is executed, in the order of the consensus system."""

from collections.abc import Callable, Mapping

from node.chain.encoding.crypto import Verifier
from node.chain.ledger.accounts import ACCOUNTS
from node.chain.model.errors import Reason
from node.chain.model.slot import NS_PER_S
from node.chain.model.transaction import Transaction
from node.chain.profile import Check, TransactionRules
from node.chain.state.state import State, Table

ON_TRUST = frozenset[Check](("expiry", "tapos", "signature"))
"""What light validation, trusted producers and replay do not check again."""
RING_SIZE = 65_536
RING = Table("ring", int, bytes)
"""A block's number modulo RING_SIZE to its id."""
SEEN = Table("seen", bytes, int)
"""The id of a transaction of this branch to its expiration in s, until it has expired."""

_One = Callable[[Transaction, int, Verifier | None], Reason | None]


class Checks:
    """Asks the state, open or not; changes nothing."""

    __slots__ = (
        "_chain_id", "_every", "_form", "_keys", "_lifetime_s", "_prefix_at", "_ring", "_rules",
        "_seen", "_state", "_without",
    )  # fmt: skip

    def __init__(
        self, rules: TransactionRules, state: State, *, chain_id: bytes, lifetime_s: int
    ) -> None:
        self._rules, self._form, self._prefix_at = rules, rules.form, rules.form.prefix_at
        self._ring, self._seen = state.rows(RING), state.rows(SEEN)
        self._keys = state.rows(ACCOUNTS)
        self._chain_id = chain_id
        self._state, self._lifetime_s = state, lifetime_s
        named: Mapping[Check, _One] = {
            "expiry": self._expiry,
            "tapos": self._tapos,
            "accounts": self._accounts,
            "duplicate": self._duplicate,
            "content": self._content,
            "signature": self._signature,
        }
        self._every = tuple(named[check] for check in rules.order)
        self._without = tuple(named[check] for check in rules.order if check not in ON_TRUST)

    def broken(
        self, transaction: Transaction, time_ns: int, verifier: Verifier | None
    ) -> Reason | None:
        """Return the first rule that a transaction breaks at time_ns; without verifier on trust."""
        for check in self._without if verifier is None else self._every:
            reason = check(transaction, time_ns, verifier)
            if reason is not None:
                return reason
        return None

    def _expiry(self, transaction: Transaction, time_ns: int, _: object) -> Reason | None:
        """Return what is wrong unless it may still be executed, and not for too long."""
        left_ns = transaction.expiration_s * NS_PER_S - time_ns
        if left_ns < 0:
            return Reason.EXPIRED
        by_state = self._rules.lifetime_s
        lifetime_s = self._lifetime_s if by_state is None else by_state(self._state)
        return Reason.EXPIRATION_TOO_FAR if left_ns > lifetime_s * NS_PER_S else None

    def _tapos(self, transaction: Transaction, _: int, __: object) -> Reason | None:
        header = transaction.header
        known = self._ring.get(header.ref_block_num)
        if known is None:
            passes = self._rules.unused_tapos and header.ref_block_prefix == 0
            return None if passes else Reason.BAD_TAPOS
        prefix = int.from_bytes(known[self._prefix_at : self._prefix_at + 4], "little")
        return Reason.BAD_TAPOS if prefix != header.ref_block_prefix else None

    def _accounts(self, transaction: Transaction, _: int, __: object) -> Reason | None:
        for account in transaction.accounts:
            if account not in self._keys:
                return Reason.UNKNOWN_ACCOUNT
        return None

    def _duplicate(self, transaction: Transaction, _: int, __: object) -> Reason | None:
        return Reason.DUPLICATE if transaction.id in self._seen else None

    def _content(self, transaction: Transaction, _: int, __: object) -> Reason | None:
        return transaction.fault

    def _signature(
        self, transaction: Transaction, _: int, verifier: Verifier | None
    ) -> Reason | None:
        """Return what is wrong unless the key of each authority signed, once, and no other."""
        assert verifier is not None
        chain_id, body = self._chain_id, transaction.body
        signers = verifier.signers(
            (chain_id, transaction.raw),
            lambda: self._form.signing_digest(chain_id, body),
            transaction.signatures,
        )
        authorities = transaction.authorities
        if len(authorities) == len(signers) == 1:
            # Nearly all are: the same answer without sets.
            is_his = signers[0] == self._keys.get(authorities[0])
            return None if is_his else Reason.BAD_SIGNATURE
        needed, found = {self._keys.get(authority) for authority in authorities}, set(signers)
        if not needed <= found:
            return Reason.BAD_SIGNATURE
        if len(signers) != len(found):
            return Reason.DUPLICATE_SIGNATURE
        return Reason.IRRELEVANT_SIGNATURE if len(signers) > len(needed) else None
