"""What goes into `Chain.step` and what comes out: the whole conversation with the consensus core.

Inputs are facts with the time attached. Effects are a work order: whoever drives the chain carries
them out in the order of the list, and that order is the contract (a block of ours and its watermark
are on disk before any peer sees it; a received block may be relayed at once, but is durable before
it is irreversible).
"""

from dataclasses import dataclass

from node.chain.model.block import SignedBlock
from node.chain.model.errors import Reason
from node.chain.model.transaction import Transaction
from node.chain.model.watermark import Watermark
from node.events import Event

# ---------------------------------------------------------------- inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The moment to finish slot's block has come on the node's clock.

    abstain names why this node must not sign now; left_ns is how long the block's transactions may
    take from now on, None for as long as they do.
    """

    now_ns: int
    slot: int
    abstain: str | None = None
    left_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockReceived:
    """A block from a peer (host name), decoded from raw."""

    now_ns: int
    block: SignedBlock
    raw: bytes
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
class Persist:
    """Put the block into the store; with a watermark (own block) durable before the next effect."""

    block: SignedBlock
    raw: bytes
    watermark: Watermark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """Send the block to every peer not known to have it (never back to the peer it came from)."""

    block: SignedBlock
    raw: bytes
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
    """Ask peer for what is missing: its block links to nothing known, or came while we built one.

    While this node builds a block of its own, an answer would be dropped, too: ask after that.
    """

    peer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Tell the local client that its transaction was not taken; nothing else comes of it."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit:
    """Write one event line; what a service must add of its own is 0 (late_ns, fsync_ns)."""

    record: Event


Effect = Persist | Broadcast | Relay | Finalize | RequestSync | Refuse | Emit
