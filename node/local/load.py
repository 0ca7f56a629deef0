"""What a host's client sends, as pure functions: when each transaction is due, and what it says.

Transaction n is the same for the same seed whatever else happens, apart from what ties it to the
chain (the block it refers to, its expiration), and so is its due time: a slow or absent node shifts
nothing.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass

from node.chain.encoding.crypto import PrivateKey
from node.chain.encoding.pack import pack_varuint
from node.chain.genesis import Genesis
from node.chain.model.schedule import ProducerKey
from node.chain.model.slot import NS_PER_S
from node.chain.model.transaction import Transaction, reference, sign_content
from node.chain.model.transaction_body import SetProducers, Transfer
from node.config import ClientConfig, ConfigError
from node.events import Dropped, Load

EXPIRES_AFTER_S = 120
"""How long a transaction stays valid, where the chain allows that."""
AMOUNT = 1
_MEMO_BYTES_MIN = 8
_DATA_BYTES = 32
"""A transfer's data without its memo and the length in front of that."""
_FIXED_BYTES = 66 + 49 + _DATA_BYTES
"""A transaction's size without its memo and the three lengths in front of body, data and memo."""
_RATE_UNIT_NS = 1000 * NS_PER_S
"""rate_milli counts transactions per 1,000 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Transaction n is due at start_ns + n / rate, while before end_ns."""

    rate_milli: int
    start_ns: int
    end_ns: int

    def __post_init__(self) -> None:
        if self.rate_milli < 0:
            raise ConfigError(f"client.rate_milli: {self.rate_milli} must not be negative")
        if self.end_ns < self.start_ns:
            raise ConfigError("client.end_ns: is before client.start_ns")

    def due_ns(self, n: int) -> int:
        """Return the time at which transaction n is due; without a rate that is never."""
        if not self.rate_milli:
            return self.end_ns
        return self.start_ns + n * _RATE_UNIT_NS // self.rate_milli

    def first_from(self, now_ns: int) -> int:
        """Return the number of the first transaction due at now_ns or later."""
        ahead_ns = max(0, now_ns - self.start_ns)
        n = ahead_ns * self.rate_milli // _RATE_UNIT_NS
        while self.due_ns(n) < now_ns:
            n += 1
        return n

    def backlog_max(self) -> int:
        """Return how many due transactions may wait for the node: five seconds' worth."""
        return max(16, 5 * self.rate_milli // 1000)


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
        self._pace = pace
        self.waiting: deque[int] = deque()
        self.tally = Tally()

    def add(self, n: int) -> None:
        """Let transaction n wait; the oldest fall out of a full backlog."""
        self.tally.due += 1
        self.waiting.append(n)
        while len(self.waiting) > self._pace.backlog_max():
            self.waiting.popleft()
            self.tally.dropped += 1
            self.tally.refused += 1

    def sent(self, now_ns: int) -> None:
        """Note that the oldest was sent."""
        late_ns = now_ns - self._pace.due_ns(self.waiting.popleft())
        self.tally.sent += 1
        self.tally.late_max_ns = max(self.tally.late_max_ns, late_ns)

    def proposed(self, late_ns: int) -> None:
        """Note that a proposal was due so long ago, and sent."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfers:
    """Makes the signed transfers of one account; prefix_at: the profile's, for references."""

    seed: int
    account: str
    recipients: tuple[str, ...]
    key: PrivateKey
    size_bytes: int
    prefix_at: int
    expires_after_s: int = EXPIRES_AFTER_S

    @staticmethod
    def of(share: ClientConfig, genesis: Genesis, *, key: PrivateKey, prefix_at: int) -> Transfers:
        """Return what a host's share of the load is made of: transfers to all other accounts.

        Raises:
            ConfigError: the genesis has no such account.
        """
        names = {account.name for account in genesis.accounts}
        if share.account not in names:
            raise ConfigError(
                f"client.account: {share.account} is not an account of the genesis file"
            )
        return Transfers(
            seed=share.seed,
            account=share.account,
            recipients=tuple(sorted(names - {share.account})) or (share.account,),
            key=key,
            size_bytes=share.size_bytes,
            prefix_at=prefix_at,
            expires_after_s=expires_after_s(genesis),
        )

    def make(self, n: int, *, chain_id: bytes, block_id: bytes, now_ns: int) -> Transaction:
        """Return transaction n, tied to the branch of block_id, valid from now_ns for a while."""
        rng = random.Random(f"{self.seed}/{self.account}/{n}")
        ref_block_num, ref_block_prefix = reference(block_id, self.prefix_at)
        padding = rng.randbytes(memo_bytes(self.size_bytes) - _MEMO_BYTES_MIN)
        transfer = Transfer(
            expiration_s=now_ns // NS_PER_S + self.expires_after_s,
            ref_block_num=ref_block_num,
            ref_block_prefix=ref_block_prefix,
            sender=self.account,
            recipient=rng.choice(self.recipients),
            amount=AMOUNT,
            memo=n.to_bytes(_MEMO_BYTES_MIN, "big") + padding,
        )
        return sign_content(transfer, chain_id=chain_id, key=self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """Makes the system account's transactions: whom to propose as producers, each at its time."""

    due: tuple[tuple[int, tuple[ProducerKey, ...]], ...]
    key: PrivateKey
    prefix_at: int
    expires_after_s: int

    @staticmethod
    def of(share: ClientConfig, genesis: Genesis, *, key: PrivateKey, prefix_at: int) -> Proposals:
        """Return what a host's client proposes.

        Raises:
            ConfigError: the genesis has no such producer.
        """
        keys = {producer.name: bytes.fromhex(producer.key) for producer in genesis.producers}
        due = []
        for proposal in share.proposals:
            for name in proposal.producers:
                if name not in keys:
                    raise ConfigError(
                        f"client.proposals: {name} is no producer of the genesis file"
                    )
            chosen = tuple(ProducerKey(name, keys[name]) for name in sorted(proposal.producers))
            due.append((proposal.at_ns, chosen))
        return Proposals(
            due=tuple(due), key=key, prefix_at=prefix_at, expires_after_s=expires_after_s(genesis)
        )

    def due_ns(self, n: int) -> int | None:
        """Return the time at which proposal n is due, None where there is none."""
        return self.due[n][0] if n < len(self.due) else None

    def make(self, n: int, *, chain_id: bytes, block_id: bytes, now_ns: int) -> Transaction:
        """Return proposal n, tied to the branch of block_id, valid from now_ns for a while."""
        ref_block_num, ref_block_prefix = reference(block_id, self.prefix_at)
        content = SetProducers(
            expiration_s=now_ns // NS_PER_S + self.expires_after_s,
            ref_block_num=ref_block_num,
            ref_block_prefix=ref_block_prefix,
            producers=self.due[n][1],
        )
        return sign_content(content, chain_id=chain_id, key=self.key)


def expires_after_s(genesis: Genesis) -> int:
    """Return how long a client's transactions stay valid on a chain: well within what it allows."""
    return max(1, min(EXPIRES_AFTER_S, genesis.max_transaction_lifetime_s // 2))


def memo_bytes(size_bytes: int) -> int:
    """Return the memo length that makes a transaction size_bytes long, or just less; at least 8."""
    for memo in range(size_bytes - _FIXED_BYTES, _MEMO_BYTES_MIN, -1):
        data = _DATA_BYTES + len(pack_varuint(memo)) + memo
        body = 49 + len(pack_varuint(data)) + data
        if 66 + len(pack_varuint(body)) + body <= size_bytes:
            return memo
    return _MEMO_BYTES_MIN
