"""What goes into `Chain.step` and what comes out: the whole conversation with the consensus core.

Inputs are facts with the time attached. Effects are a work order: whoever drives the chain carries
them out in the order of the list, and that order is the contract (a block of ours and its watermark
are on disk before any peer sees it; a received block may be relayed at once, but is durable before
it is irreversible). They are structs because those are ten times cheaper to make than frozen
dataclasses, and each block takes several.
"""

from collections.abc import Sequence

import msgspec

from node.chain.model.block import SignedBlock
from node.chain.model.errors import Reason
from node.chain.model.transaction import Transaction
from node.chain.model.watermark import Watermark
from node.events import Event

# ---------------------------------------------------------------- inputs


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """The moment to finish slot's block has come on the node's clock.

    abstain names why this node must not sign now; left_ns is how long the block's transactions may
    take from now on, None for as long as they do.
    """

    now_ns: int
    slot: int
    abstain: str | None = None
    left_ns: int | None = None


class BlockReceived(msgspec.Struct, frozen=True, kw_only=True):
    """A block from a peer (host name), decoded from raw."""

    now_ns: int
    block: SignedBlock
    raw: bytes
    peer: str


class TransactionsReceived(msgspec.Struct, frozen=True, kw_only=True):
    """Decoded transactions that came in one; peer is None when a local client sent them."""

    now_ns: int
    transactions: Sequence[Transaction]
    peer: str | None


class BlockRestored(msgspec.Struct, frozen=True, kw_only=True):
    """A block from this node's own store, oldest first, before anything else.

    Nothing is announced for it.
    """

    block: SignedBlock
    irreversible: bool


Input = Tick | BlockReceived | TransactionsReceived | BlockRestored

# ---------------------------------------------------------------- effects


class Persist(msgspec.Struct, frozen=True, kw_only=True):
    """Put the block into the store; with a watermark (own block) durable before the next effect."""

    block: SignedBlock
    raw: bytes
    watermark: Watermark | None = None


class Broadcast(msgspec.Struct, frozen=True, kw_only=True):
    """Send the block to every peer not known to have it (never back to the peer it came from)."""

    block: SignedBlock
    raw: bytes
    source: str | None = None


class Relay(msgspec.Struct, frozen=True, kw_only=True):
    """Send each transaction to every peer not known to have it."""

    transactions: Sequence[Transaction]
    source: str | None = None


class Finalize(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks up to num (id) are irreversible: mark them durably, in one commit."""

    num: int
    id: bytes


class RequestSync(msgspec.Struct, frozen=True, kw_only=True):
    """Ask peer for what is missing: its block links to nothing known, or came while we built one.

    While this node builds a block of its own, an answer would be dropped, too: ask after that.
    """

    peer: str


class Refuse(msgspec.Struct, frozen=True, kw_only=True):
    """Tell the local client that of its transactions the one at index, from 0, was not taken.

    Nothing else comes of it.
    """

    index: int
    reason: Reason


class Emit(msgspec.Struct, frozen=True, kw_only=True):
    """Write one event line; what a service must add of its own is 0 (late_ns, fsync_ns)."""

    record: Event


Effect = Persist | Broadcast | Relay | Finalize | RequestSync | Refuse | Emit
