"""What a host's client sends, as pure functions: when each transaction is due, and what it says.

Transaction n is the same for the same seed whatever else happens, apart from what ties it to the
chain (the block it refers to, its expiration), and so is its due time: a slow or absent node shifts
nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import shake_128

from node.chain import profiles
from node.chain.encoding.crypto import SIGNATURE_BYTES, PrivateKey
from node.chain.encoding.written import WrittenError, by_word, read
from node.chain.genesis import Genesis
from node.chain.model.operation import Operation
from node.chain.model.slot import NS_PER_S
from node.chain.model.transaction import (
    Transaction,
    TransactionFormat,
    TransactionHeader,
    reference,
    sign_transaction,
)
from node.config import ActConfig, ClientConfig, ConfigError
from node.events import Dropped, Load, Txs
from node.events.load_shape import HOT_ACCOUNT, MILLION, Pace
from node.local.mixed import Mixed

EXPIRES_AFTER_S = 120
"""How long a transaction stays valid, where the chain allows that."""
AMOUNT = 1
_MEMO_BYTES_MIN = 8
_WAITING_MIN, _WAITING_S = 16, 5
"""How many due transactions may wait for the node: as many as are due in so long at the most."""


@dataclass(slots=True)
class Tally:
    """What happened since the last Load event."""

    due: int = 0
    sent: int = 0
    accepted: int = 0
    refused: int = 0
    dropped: int = 0
    late_max_ns: int = 0


class Backlog:
    """Mutable: the transactions that are due and wait for the node, and what became of others."""

    def __init__(self, pace: Pace) -> None:
        self._most = max(_WAITING_MIN, _WAITING_S * pace.peak_milli // 1000)
        self.waiting: deque[tuple[int, int]] = deque()
        """Numbers, and when each was due."""
        self.tally = Tally()

    def add(self, n: int, due_ns: int) -> None:
        """Let transaction n wait; the oldest fall out of a full backlog."""
        self.tally.due += 1
        self.waiting.append((n, due_ns))
        while len(self.waiting) > self._most:
            self.waiting.popleft()
            self.tally.dropped += 1
            self.tally.refused += 1

    def sent(self, count: int, now_ns: int) -> None:
        """Note that the oldest count were sent."""
        late_ns = now_ns - self.waiting[0][1]
        self.tally.sent += count
        self.tally.late_max_ns = max(self.tally.late_max_ns, late_ns)
        for _ in range(count):
            self.waiting.popleft()

    def acted(self, late_ns: int) -> None:
        """Note that an act was due so long ago, and sent."""
        self.tally.due += 1
        self.tally.sent += 1
        self.tally.late_max_ns = max(self.tally.late_max_ns, late_ns)

    def report(self) -> list[Load | Dropped]:
        """Return what is told of all since the last report."""
        tally, self.tally = self.tally, Tally()
        records: list[Load | Dropped] = [
            Load(
                due=tally.due, sent=tally.sent, accepted=tally.accepted, refused=tally.refused,
                backlog=len(self.waiting), late_max_ns=tally.late_max_ns,
            )
        ]  # fmt: skip
        if tally.dropped:
            records.append(Dropped(queue="client_backlog", n=tally.dropped))
        return records


@dataclass(frozen=True, kw_only=True)
class Transfers:
    """Makes the signed transfers of one account, in the profile's form."""

    seed: int
    account: str
    recipients: tuple[str, ...]
    key: PrivateKey
    size_bytes: int
    form: TransactionFormat
    expires_after_s: int = EXPIRES_AFTER_S
    hot_ppm: int = 0
    """How many of a million go to the hot account, which is no recipient of others."""
    mixed: Mixed | None = None
    """What some are in place of transfers."""

    @staticmethod
    def of(
        share: ClientConfig, genesis: Genesis, *, key: PrivateKey, form: TransactionFormat
    ) -> Transfers:
        """Return what a host's share of the load is made of: transfers to all other accounts.

        Raises:
            ConfigError: the genesis has no such account.
        """
        names = {account.name for account in genesis.accounts}
        if share.account not in names:
            raise ConfigError(
                f"client.account: {share.account} is not an account of the genesis file"
            )
        hot_ppm = share.shape.hot_ppm
        if hot_ppm is not None:
            names.discard(HOT_ACCOUNT)
        recipients = tuple(sorted(names - {share.account})) or (share.account,)
        return Transfers(
            seed=share.seed,
            account=share.account,
            recipients=recipients,
            mixed=Mixed.of(share, genesis, recipients),
            hot_ppm=hot_ppm or 0,
            key=key,
            size_bytes=share.size_bytes,
            form=form,
            expires_after_s=expires_after_s(genesis),
        )

    def word(self, _: int) -> str:
        """Return "": no campaign named it."""
        return ""

    def make(self, n: int, *, chain_id: bytes, block_id: bytes, now_ns: int) -> Transaction:
        """Return transaction n, tied to the branch of block_id, valid from now_ns for a while."""
        operation = (self.mixed and self.mixed.operation(n)) or self._transfer(n)
        expires_s = now_ns // NS_PER_S + self.expires_after_s
        header = tied(expires_s, block_id, self.form.prefix_at)
        return sign_transaction(
            self.form, header, (operation,), chain_id=chain_id, keys=(self.key,)
        )

    def _transfer(self, n: int) -> Operation:
        drawn = shake_128(f"{self.seed}/{self.account}/{n}".encode()).digest(self.memo_bytes)
        chosen = int.from_bytes(drawn[:_MEMO_BYTES_MIN], "big") % len(self.recipients)
        memo = n.to_bytes(_MEMO_BYTES_MIN, "big") + drawn[_MEMO_BYTES_MIN:]
        recipient = HOT_ACCOUNT if self._is_hot(n) else self.recipients[chosen]
        return self.form.transfer(self.account, recipient, AMOUNT, memo)

    def _is_hot(self, n: int) -> bool:
        if not self.hot_ppm:
            return False
        drawn = shake_128(f"{self.seed}/{self.account}/{n}/hot".encode()).digest(8)
        return int.from_bytes(drawn, "big") * MILLION >> 64 < self.hot_ppm

    @cached_property
    def memo_bytes(self) -> int:
        """Return the memo length that makes a transaction size_bytes long or just less, at least 8.

        A length in front of something grows with it.
        """
        memo = max(_MEMO_BYTES_MIN, self.size_bytes - self._size(0))
        while memo > _MEMO_BYTES_MIN and self._size(memo) > self.size_bytes:
            memo -= 1
        return memo

    def _size(self, memo: int) -> int:
        transfer = self.form.transfer(self.account, self.account, AMOUNT, bytes(memo))
        nothing = TransactionHeader(0, 0, 0)
        body = self.form.pack(nothing, (transfer,))
        signatures = (bytes(SIGNATURE_BYTES),)
        return Transaction.of(nothing, (transfer,), body, signatures, b"").size_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """An operation that is asked for at at_ns, under its word, and who signs for it."""

    at_ns: int
    word: str
    operation: Operation
    key: PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """Makes the transactions that a campaign names one by one, each at its time."""

    due: tuple[Act, ...]
    form: TransactionFormat
    expires_after_s: int

    @staticmethod
    def of(
        share: ClientConfig,
        genesis: Genesis,
        *,
        key_of: Callable[[ActConfig], PrivateKey],
        form: TransactionFormat,
    ) -> Acts:
        """Return what a host's client asks for one by one.

        Raises:
            ConfigError: the system has no such operation, or not with those fields.
        """
        operations = by_word(profiles.SYSTEMS[genesis.profile].operations)
        due = []
        for i, act in enumerate(share.acts):
            where = f"client.acts[{i}]"
            if act.act not in operations:
                raise ConfigError(f"{where}.act: {act.act} is none of {', '.join(operations)}")
            keys = {name: bytes.fromhex(key) for name, key in act.keys.items()}
            try:
                operation = read(operations[act.act], act.by, act.fields, keys.__getitem__)
            except WrittenError as error:
                raise ConfigError(f"{where}.{error}") from error
            except KeyError as error:
                raise ConfigError(f"{where}.keys: {error} is missing") from error
            due.append(Act(at_ns=act.at_ns, word=act.act, operation=operation, key=key_of(act)))
        return Acts(due=tuple(due), form=form, expires_after_s=expires_after_s(genesis))

    def due_ns(self, n: int) -> int | None:
        """Return the time at which act n is due, None where there is none."""
        return self.due[n].at_ns if n < len(self.due) else None

    def word(self, n: int) -> str:
        """Return what act n is called."""
        return self.due[n].word

    def make(self, n: int, *, chain_id: bytes, block_id: bytes, now_ns: int) -> Transaction:
        """Return act n, tied to the branch of block_id, valid from now_ns for a while."""
        expires_s = now_ns // NS_PER_S + self.expires_after_s
        header = tied(expires_s, block_id, self.form.prefix_at)
        act = self.due[n]
        return sign_transaction(
            self.form, header, (act.operation,), chain_id=chain_id, keys=(act.key,)
        )


@lru_cache(maxsize=16)
def tied(expires_s: int, block_id: bytes, prefix_at: int) -> TransactionHeader:
    """Return the header, which many share, of what expires then and refers to that block."""
    return TransactionHeader(expires_s, *reference(block_id, prefix_at))


def pace_of(share: ClientConfig) -> Pace:
    """Return the pace of a host's share of the load."""
    return Pace(
        rate_milli=share.rate_milli, start_ns=share.start_ns, end_ns=share.end_ns,
        shape=share.shape,
    )  # fmt: skip


def sent(transactions: Sequence[Transaction], block_id: bytes, act: str) -> Txs:
    """Return what a client tells of transactions of one account that it sends.

    They refer to that block; act is the word of each, "" for load.
    """
    return Txs(
        ids=[transaction.id.hex() for transaction in transactions], state="sent", act=act,
        account=transactions[0].authorities[0], ref_num=int.from_bytes(block_id[:4], "big"),
    )  # fmt: skip


def expires_after_s(genesis: Genesis) -> int:
    """Return how long a client's transactions stay valid on a chain: well within what it allows."""
    return max(1, min(EXPIRES_AFTER_S, genesis.max_transaction_lifetime_s // 2))
