"""What two nodes say to each other: a version byte, then one msgpack array tagged with its kind.

Decoding is total and bounded: any bytes give a message or a FrameError. Who sent a frame is never
in it; the link knows that by the CURVE key.
"""

from typing import Annotated

import msgspec

from node.chain.ledger.mempool import SHORT_BYTES
from node.chain.model.codec import MAX_BLOCK_TRANSACTIONS
from node.network.sync_rules import MAX_BLOCKS, MAX_LOCATOR

WIRE_VERSION = 3
MAX_WANTED = 100
MAX_LINKED = 512
MAX_BODIES = 128
MAX_SHELL_BYTES = 256 * 1024
MAX_PARTS = 1024

Id = Annotated[bytes, msgspec.Meta(min_length=20, max_length=32)]
Num = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
Counter = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Host = Annotated[str, msgspec.Meta(max_length=255)]


class FrameError(Exception):
    """A peer's frame is not a message of this version; reason is a fixed word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Message(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Base of the messages."""


class Hello(_Message, frozen=True, tag=1):
    """Said on each connection and once a second: which chain, how far, and whom I am linked to.

    session is drawn at process start: another value means that what was sent before is lost.
    """

    chain_id: Id
    session: Annotated[bytes, msgspec.Meta(min_length=8, max_length=8)]
    head_num: Num
    head_id: Id
    head_slot: Counter
    lib_num: Num
    lib_id: Id
    linked: Annotated[list[Host], msgspec.Meta(max_length=MAX_LINKED)]


class BlockBody(_Message, frozen=True, tag=2):
    """A new block."""

    raw: bytes


class Have(_Message, frozen=True, tag=3):
    """I have this block; ask if it does not reach you."""

    num: Num
    id: Id


class Want(_Message, frozen=True, tag=4):
    """Send me these blocks; whole: no briefs of them."""

    ids: Annotated[list[Id], msgspec.Meta(max_length=MAX_WANTED)]
    whole: bool


class TxBodies(_Message, frozen=True, tag=5):
    """Transactions."""

    raws: Annotated[list[bytes], msgspec.Meta(min_length=1, max_length=MAX_BODIES)]


class SyncRequest(_Message, frozen=True, tag=6):
    """Send me what follows the first id of locator that is on your chain; newest id first."""

    request: Counter
    locator: Annotated[list[Id], msgspec.Meta(min_length=1, max_length=MAX_LOCATOR)]


class SyncBlocks(_Message, frozen=True, tag=7):
    """The answer: blocks in order, whether more follow; forked: no id of the locator fits."""

    request: Counter
    blocks: Annotated[list[bytes], msgspec.Meta(max_length=MAX_BLOCKS)]
    more: bool
    forked: bool


class BlockBrief(_Message, frozen=True, tag=8):
    """A new block: its bytes without transactions, then how the id of each begins, in order."""

    shell: Annotated[bytes, msgspec.Meta(max_length=MAX_SHELL_BYTES)]
    shorts: Annotated[bytes, msgspec.Meta(max_length=SHORT_BYTES * MAX_BLOCK_TRANSACTIONS)]


class WantParts(_Message, frozen=True, tag=9):
    """Send me the transactions at these positions of a block that you sent a brief of."""

    id: Id
    positions: Annotated[list[Num], msgspec.Meta(min_length=1, max_length=MAX_PARTS)]


class BlockParts(_Message, frozen=True, tag=10):
    """The answer: these transactions of the block, in the order asked for."""

    id: Id
    raws: Annotated[list[bytes], msgspec.Meta(min_length=1, max_length=MAX_PARTS)]


Message = (
    Hello
    | BlockBody
    | Have
    | Want
    | TxBodies
    | SyncRequest
    | SyncBlocks
    | BlockBrief
    | WantParts
    | BlockParts
)

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
_VERSION = bytes([WIRE_VERSION])


def encode(message: Message) -> bytes:
    """Return the frame of message."""
    return _VERSION + _ENCODER.encode(message)


def decode(frame: bytes) -> Message:
    """Return the message in frame.

    Raises:
        FrameError: empty_frame, wrong_version, malformed.
    """
    if not frame:
        raise FrameError("empty_frame")
    if frame[0] != WIRE_VERSION:
        raise FrameError("wrong_version")
    try:
        return _DECODER.decode(memoryview(frame)[1:])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise FrameError("malformed") from error
