"""What goes into `Chain.step` and what comes out: the whole conversation with the consensus core.

Inputs are facts with the time attached. Effects are a work order: whoever drives the chain carries
them out in the order of the list, and that order is the contract (a block of ours and its watermark
are on disk before any peer sees it; a received block may be relayed at once, but is durable before
it is irreversible).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from node.chain.model.block import SignedBlock
from node.chain.model.transaction import Transaction

# ---------------------------------------------------------------- inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """time(slot) has come on the node's clock; abstain names why this node must not sign now."""

    now_ns: int
    slot: int
    abstain: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockReceived:
    """A decoded block from a peer (host name)."""

    now_ns: int
    block: SignedBlock
    peer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionReceived:
    """A decoded transaction; peer is None when it came from a local client."""

    now_ns: int
    transaction: Transaction
    peer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRestored:
    """A block from this node's own store, oldest first, before anything else.

    Nothing is announced for it.
    """

    block: SignedBlock
    irreversible: bool


Input = Tick | BlockReceived | TransactionReceived | BlockRestored

# ---------------------------------------------------------------- effects


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """The highest block number and slot that producer has signed or seen signed."""

    producer: str
    num: int
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Persist:
    """Put the block into the store; with a watermark (own block) durable before the next effect."""

    block: SignedBlock
    watermark: Watermark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """Send the block to every peer not known to have it (never back to the peer it came from)."""

    block: SignedBlock
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """Send the transaction to every peer not known to have it."""

    transaction: Transaction
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalize:
    """Blocks up to num (id) are irreversible: mark them durably, in one commit."""

    num: int
    id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSync:
    """A block from peer does not link to anything known: ask it for what is missing."""

    peer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit:
    """Write one event line."""

    record: Notice


# ---------------------------------------------------------------- notices


class Notice(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of what the chain reports; kind and fields are those of the published event."""


class Produced(Notice, frozen=True, kw_only=True, tag="produced"):
    """This node signed a block."""

    num: int
    id: str
    slot: int
    producer: str
    tx_count: int
    size_bytes: int
    confirmed: int


class Applied(Notice, frozen=True, kw_only=True, tag="applied"):
    """A block was executed and is the head; header: the bytes its id is made of, in hex.

    transactions: the first 16 hex digits of the id of each, in the block's order.
    """

    num: int
    id: str
    previous: str
    slot: int
    producer: str
    header: str
    state_digest: str
    tx_count: int
    transactions: list[str] = []


class Rejected(Notice, frozen=True, kw_only=True, tag="rejected", rename={"from_": "from"}):
    """Something a peer sent breaks a rule; reason is one of errors.Reason."""

    what: Literal["block", "transaction"]
    reason: str
    from_: str = ""
    num: int = 0
    id: str = ""


class Irreversible(Notice, frozen=True, kw_only=True, tag="irreversible"):
    """One block became irreversible; one notice a block, in order."""

    num: int
    id: str


class Switched(Notice, frozen=True, kw_only=True, tag="switched"):
    """The head moved to another branch; depth is how many blocks were undone."""

    old: str
    new: str
    old_num: int
    new_num: int
    depth: int
    ancestor: str
    ancestor_num: int


class Abstained(Notice, frozen=True, kw_only=True, tag="abstained"):
    """A slot of ours was left empty; reason is one of errors.Reason or the word of the tick."""

    slot: int
    producer: str
    reason: str


TxState = Literal["accepted", "rejected", "included", "irreversible", "expired", "requeued"]


class Tx(Notice, frozen=True, kw_only=True, tag="tx"):
    """A step in the life of a transaction that entered the network here."""

    id: str
    state: TxState
    num: int = 0
    reason: str = ""


class Schedule(Notice, frozen=True, kw_only=True, tag="schedule"):
    """A schedule became pending or active with block num."""

    version: int
    state: Literal["proposed", "pending", "active"]
    num: int
    producers: list[str]


Effect = Persist | Broadcast | Relay | Finalize | RequestSync | Emit
