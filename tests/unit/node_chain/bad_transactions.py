"""Transactions that must be refused, each wrong in one way: the name of the case and the reason.

What they are made from is a `Ground`, so that a chain in this process and a node behind its socket
are told the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from coincurve import PrivateKey

from node.chain.chain import Chain
from node.chain.eosio.contracts.set_producers import SetProducers
from node.chain.model.codec import MAX_OPERATIONS, MAX_SIGNATURES
from node.chain.model.operation import Operation
from node.chain.model.schedule import ProducerKey
from node.chain.model.transaction import (
    Transaction,
    TransactionFormat,
    TransactionHeader,
    reference,
    sign_transaction,
)
from tests.unit.node_chain.builders import secret

MALFORMED = "malformed"
"""The reason of what is no transaction at all."""


@dataclass(frozen=True)
class Ground:
    """A chain as a client knows it: its head, that head's time, and whose keys there are.

    rich: an account that owns so much; poor: another, with a key, too. nobody is no account.
    """

    form: TransactionFormat
    chain_id: bytes
    head_id: bytes
    head_s: int
    keys: Mapping[str, PrivateKey]
    rich: str
    poor: str
    owned: int
    nobody: str

    def transfer(self, amount: int = 1, **change: Any) -> Operation:
        """Return a transfer from the rich to the poor."""
        who = {"sender": self.rich, "recipient": self.poor, "memo": b"", **change}
        return self.form.transfer(who["sender"], who["recipient"], amount, who["memo"])

    def signed(
        self,
        *operations: Operation,
        signers: Sequence[str] | None = None,
        chain_id: bytes | None = None,
        **header: int,
    ) -> Transaction:
        """Return operations (by default one good one) under the head's tie, bent by header."""
        tie = TransactionHeader(self.head_s + 60, *reference(self.head_id, self.form.prefix_at))
        return sign_transaction(
            self.form,
            msgspec.structs.replace(tie, **header),
            operations or (self.transfer(),),
            chain_id=self.chain_id if chain_id is None else chain_id,
            keys=[self.keys[name] for name in ((self.rich,) if signers is None else signers)],
        )


def ground_of(chain: Chain, nobody: str) -> Ground:
    """Return the ground of a chain of the builders' users."""
    return Ground(
        form=chain.codec.transactions,
        chain_id=chain.chain_id,
        head_id=chain.head.id,
        head_s=chain.slot_clock.time_ns(chain.head.slot) // 10**9,
        keys={name: secret(name) for name in ("usera", "userb", "userc", "eosio")},
        rich="usera",
        poor="userb",
        owned=chain.balance("usera"),
        nobody=nobody,
    )


def of_nobody(ground: Ground) -> Transaction:
    """Return a transfer of an account that does not exist."""
    return ground.signed(ground.transfer(sender=ground.nobody))


def too_many_signatures(ground: Ground) -> Transaction:
    """Return a transaction with one more signature than fits."""
    good = ground.signed()
    return good.with_signatures(*good.signatures * (MAX_SIGNATURES + 1))


RAW: dict[str, Callable[[Ground], bytes]] = {
    "nothing": lambda ground: b"",
    "noise": lambda ground: bytes(range(200)),
    "zeros": lambda ground: bytes(100),
    "its end is missing": lambda ground: ground.signed().raw[:-1],
    "a byte too many": lambda ground: ground.signed().raw + b"\x00",
    "no operation": lambda ground: emptied(ground).raw,
    "too many operations": lambda ground: (
        ground.signed(*[ground.transfer()] * (MAX_OPERATIONS + 1)).raw
    ),
    "too many signatures": lambda ground: too_many_signatures(ground).raw,
    "a body that is too long": lambda ground: (
        ground.signed(*[ground.transfer(memo=bytes(60_000))] * 2).raw
    ),
}
"""Bytes that are no transaction, by the name of the case."""


def emptied(ground: Ground) -> Transaction:
    """Return a transaction without an operation."""
    good = ground.signed()
    body = ground.form.pack(good.header, ())
    return Transaction.of(good.header, good.operations, body, good.signatures, good.id)


Case = tuple[str, Callable[[Ground], Transaction]]
CASES: dict[str, Case] = {
    "unsigned": ("bad_signature", lambda ground: ground.signed(signers=())),
    "signed by another": ("bad_signature", lambda ground: ground.signed(signers=(ground.poor,))),
    "signed for another chain": (
        "bad_signature", lambda ground: ground.signed(chain_id=bytes(32)),
    ),
    "a signature of zeros": (
        "bad_signature", lambda ground: ground.signed().with_signatures(bytes(65)),
    ),
    "signatures of zeros in plenty": (
        "bad_signature",
        lambda ground: ground.signed().with_signatures(*[bytes(65)] * MAX_SIGNATURES),
    ),
    "only one of two signed": (
        "bad_signature",
        lambda ground: ground.signed(ground.transfer(), ground.transfer(sender=ground.poor)),
    ),
    "signed twice": (
        "duplicate_signature", lambda ground: ground.signed(signers=(ground.rich,) * 2),
    ),
    "signed by one more": (
        "irrelevant_signature", lambda ground: ground.signed(signers=(ground.rich, ground.poor)),
    ),
    "one signature is good, another is worthless": (
        "irrelevant_signature",
        lambda ground: ground.signed().with_signatures(*ground.signed().signatures, bytes(65)),
    ),
    "more than is owned": (
        "insufficient_balance", lambda ground: ground.signed(ground.transfer(ground.owned + 1)),
    ),
    "more than is owned in two operations": (
        "insufficient_balance",
        lambda ground: ground.signed(ground.transfer(ground.owned), ground.transfer(1)),
    ),
    "the most that there can be": (
        "insufficient_balance", lambda ground: ground.signed(ground.transfer((1 << 62) - 1)),
    ),
    "nothing is moved": ("zero_amount", lambda ground: ground.signed(ground.transfer(0))),
    "the second operation moves nothing": (
        "zero_amount", lambda ground: ground.signed(ground.transfer(), ground.transfer(0)),
    ),
    "to nobody": (
        "unknown_account",
        lambda ground: ground.signed(ground.transfer(recipient=ground.nobody)),
    ),
    "from nobody": ("unknown_account", of_nobody),
    "long expired": ("expired", lambda ground: ground.signed(expiration_s=1)),
    "just expired": (
        "expired", lambda ground: ground.signed(expiration_s=ground.head_s - 1),
    ),
    "expires far ahead": (
        "expiration_too_far", lambda ground: ground.signed(expiration_s=ground.head_s + 4000),
    ),
    "never expires": (
        "expiration_too_far", lambda ground: ground.signed(expiration_s=(1 << 32) - 1),
    ),
    "refers to a block of another branch": (
        "bad_tapos", lambda ground: ground.signed(ref_block_prefix=0x12345678),
    ),
    "refers to a block that is not yet": (
        "bad_tapos", lambda ground: ground.signed(ref_block_num=60_000, ref_block_prefix=1),
    ),
}  # fmt: skip
"""Of every system: the reason, and the transaction."""


def proposal(ground: Ground, *names: str, signer: str = "eosio") -> Transaction:
    """Return a proposal of producers."""
    key = ground.keys["eosio"].public_key.format()
    wanted = tuple(ProducerKey(name, key) for name in names)
    return ground.signed(SetProducers(producers=wanted), signers=(signer,))


EOSIO_CASES: dict[str, Case] = {
    "proposed by another": (
        "bad_signature", lambda ground: proposal(ground, "producera", signer=ground.rich),
    ),
    "nobody is proposed": ("bad_producers", lambda ground: proposal(ground)),
    "proposed out of order": (
        "bad_producers", lambda ground: proposal(ground, "producerb", "producera"),
    ),
    "proposed twice": (
        "bad_producers", lambda ground: proposal(ground, "producera", "producera"),
    ),
}  # fmt: skip
"""Of EOSIO with a system account."""
EOSIO_RAW: dict[str, Callable[[Ground], bytes]] = {
    "too many are proposed": lambda ground: (
        proposal(
            ground, *sorted(f"p{a}{b}{c}" for a in "abcdef" for b in "abcdef" for c in "abcd")
        ).raw
    )
}
