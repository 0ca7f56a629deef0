"""The published event schema, version 1: one JSON line each by a node, its probe and its client."""

from typing import Literal, TypeAlias, get_args

import msgspec
from msgspec import field

from node.events.facts import Activated as Activated
from node.events.facts import Approved as Approved
from node.events.facts import Budgeted as Budgeted
from node.events.facts import CommitteeElected as CommitteeElected
from node.events.facts import Elected as Elected
from node.events.facts import Fact as Fact
from node.events.facts import FeeChanged as FeeChanged
from node.events.facts import FeesPaid as FeesPaid
from node.events.facts import HardForkChanged as HardForkChanged
from node.events.facts import Noted as Noted
from node.events.facts import Opinion as Opinion
from node.events.facts import Paid as Paid
from node.events.facts import ParametersInForce as ParametersInForce
from node.events.facts import PaySchedule as PaySchedule
from node.events.facts import ProposalEnded as ProposalEnded
from node.events.facts import Proposed as Proposed
from node.events.facts import Proxied as Proxied
from node.events.facts import Raffled as Raffled
from node.events.facts import RandomNumber as RandomNumber
from node.events.facts import Registered as Registered
from node.events.facts import Schedule as Schedule
from node.events.facts import Voted as Voted
from node.events.facts import WitnessesElected as WitnessesElected
from node.events.lies import Lies as Lies
from node.events.process import Clock as Clock
from node.events.process import Dropped as Dropped
from node.events.process import Machine as Machine
from node.events.process import Peer as Peer
from node.events.process import Probe as Probe
from node.events.process import Process as Process
from node.events.process import Started as Started
from node.events.process import Stopped as Stopped
from node.events.record import Count as Count
from node.events.record import Record as Record
from node.events.record import Whole as Whole
from node.events.transactions import Assured as Assured
from node.events.transactions import Load as Load
from node.events.transactions import Txs as Txs
from node.events.transactions import TxState as TxState

SCHEMA_VERSION = 1
"""The interface between `node` and everything that reads runs. A record is what happened; the
envelope says who saw it and when. Latencies never come from log text, only from these.

Rules for readers: unknown kinds are kept and counted, unknown fields are ignored, a gap in `seq` of
one (host, node) is a loss. For writers: fields are added, never renamed, within one version.
"""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """Who wrote a line and when.

    node is the writer: `<host>` for the node, `<host>.probe`, `<host>.client`. boot is the kernel's
    boot id, mono_ns CLOCK_MONOTONIC_RAW, wall_ns the *node's* wall clock (a process-level clock
    fault shows here as wall_ns - mono_ns). seq counts from 0 without gaps per (host, node), across
    restarts.
    """

    v: Count
    kind: str
    host: str
    node: str
    boot: str
    seq: Count
    wall_ns: Whole
    mono_ns: Whole


class SlotDue(Record, frozen=True, kw_only=True, tag="slot_due"):
    """A slot's deadline passed on this node's clock; written by every node for every slot.

    due_ns is time(slot) on the node's wall clock, wake_error_ns how late the node woke for it.
    """

    slot: Count
    producer: str
    due_ns: Whole
    wake_error_ns: Whole
    head_num: Count
    lib_num: Count


class Produced(Record, frozen=True, kw_only=True, tag="produced"):
    """This node signed a block: durable, and about to be sent. late_ns = now minus time(slot)."""

    num: Count
    id: str
    slot: Count
    producer: str
    tx_count: Count
    size_bytes: Count
    confirmed: Count
    late_ns: Whole = 0
    fsync_ns: Count = 0


class Received(Record, frozen=True, kw_only=True, tag="received", rename={"from_": "from"}):
    """A block body arrived for the first time, with a frame taken just then; from: the peer."""

    num: Count
    id: str
    slot: Count
    producer: str
    from_: str
    size_bytes: Count


class Applied(Record, frozen=True, kw_only=True, tag="applied"):
    """A block was executed and is the head now. header is the packed header in hex.

    transactions: what it holds, in order, by the first 16 hex digits (64 bits) of each id, which
    tell the transactions of a run apart; it is the chain's word and not one node's memory. Lines of
    before this field have none. executed_ns: from when a peer's block had passed its checks until
    this line; not told of one's own, of one from another branch, nor where it is simulated.
    """

    num: Count
    id: str
    previous: str
    slot: Count
    producer: str
    header: str
    state_digest: str
    tx_count: Count
    transactions: list[str] = field(default_factory=list)
    executed_ns: Count | msgspec.UnsetType = msgspec.UNSET


class Rejected(Record, frozen=True, kw_only=True, tag="rejected", rename={"from_": "from"}):
    """Something a peer or client sent breaks a rule; reason is a fixed word."""

    what: Literal["block", "transaction", "frame"]
    reason: str
    from_: str = ""
    num: Count = 0
    id: str = ""


class Ignored(Record, frozen=True, kw_only=True, tag="ignored", rename={"from_": "from"}):
    """A block came while this node built its own for slot: dropped unread, and asked for again."""

    slot: Count
    from_: str
    num: Count
    id: str


class Irreversible(Record, frozen=True, kw_only=True, tag="irreversible"):
    """One block became irreversible here; one record a block, in order, also when the LIB jumps."""

    num: Count
    id: str


class Precommitted(Record, frozen=True, kw_only=True, tag="precommitted"):
    """The head's branch has a quorum's first word for its blocks first to num, the last being id.

    One record each time that rises, also when it skips blocks; told anew after a restart, of what
    is not irreversible. Nothing is told where finality has one stage.
    """

    first: Count
    num: Count
    id: str


class Safe(Record, frozen=True, kw_only=True, tag="safe"):
    """Half of the producers have built on the head's branch's blocks first to num, the last is id.

    So long a user should wait where slots are missed (PROTOCOL B40); who made a block has built on
    it. One record each time that rises; told anew after a restart, of what is not irreversible.
    """

    first: Count
    num: Count
    id: str


class Switched(Record, frozen=True, kw_only=True, tag="switched"):
    """The head moved to another branch; depth = blocks undone."""

    old: str
    new: str
    old_num: Count
    new_num: Count
    depth: Count
    ancestor: str
    ancestor_num: Count


class Abstained(Record, frozen=True, kw_only=True, tag="abstained"):
    """It was this node's slot and it did not produce; reason is a fixed word."""

    slot: Count
    producer: str
    reason: str


class Health(Record, frozen=True, kw_only=True, tag="health"):
    """The network does better or worse than told last, by the slots up to this one.

    participation: the filled share of the last `window` slots, in parts of 10,000, on the branch of
    this node's head; missed: the others, by whose they were.
    """

    slot: Count
    state: Literal["healthy", "degraded", "halted"]
    participation: Count
    window: Count
    missed: dict[str, Count] = field(default_factory=dict)


class Supply(Record, frozen=True, kw_only=True, tag="supply"):
    """Who had how much of the core asset after a block that this node can never undo, as it ended.

    held: sums, in units: what accounts own, and what nobody does yet, by who keeps it. issued: of
    all that, what the rules have made since genesis.
    """

    num: Count
    id: str
    held: dict[str, Whole]
    issued: Whole


Event: TypeAlias = (
    Started
    | SlotDue
    | Produced
    | Received
    | Applied
    | Rejected
    | Ignored
    | Irreversible
    | Precommitted
    | Safe
    | Switched
    | Abstained
    | Health
    | Lies
    | Clock
    | Probe
    | Peer
    | Txs
    | Fact
    | Load
    | Assured
    | Process
    | Machine
    | Supply
    | Dropped
    | Stopped
)
"""The closed union of records of this version."""

KINDS: tuple[str, ...] = tuple(str(kind.__struct_config__.tag) for kind in get_args(Event))


def line_head(*, host: str, node: str, boot: str) -> bytes:
    """Return how every line of one writer begins, for `line_of`."""
    identity = msgspec.json.encode({"host": host, "node": node, "boot": boot})
    return b'{"v":%d,%s,"seq":' % (SCHEMA_VERSION, identity[1:-1])


def line_of(head: bytes, seq: int, wall_ns: int, mono_ns: int, record: msgspec.Struct) -> bytes:
    """Return the line of a record, a Struct tagged with `kind`."""
    body = msgspec.json.encode(record)
    assert body.startswith(b'{"kind":'), "a record is a Struct with tag_field='kind'"
    return b'%s%d,"wall_ns":%d,"mono_ns":%d,%s\n' % (head, seq, wall_ns, mono_ns, body[1:])


def line_form(head: bytes, record: msgspec.Struct, hole: int) -> bytes:
    """Return what, by %, makes lines of records that differ from this one in numbers alone.

    Open are seq, wall_ns, mono_ns, and each number of the record that is hole, in its order.
    """
    line = line_of(head, hole, hole, hole, record)
    return line.replace(b"%", b"%%").replace(b"%d" % hole, b"%d")


def decode(line: bytes) -> tuple[Envelope, Event]:
    """Return envelope and record of one event line.

    Raises:
        msgspec.DecodeError, msgspec.ValidationError: not an event of this version.
    """
    return _ENVELOPE.decode(line), _RECORD.decode(line)


def decode_envelope(line: bytes) -> Envelope:
    """Return the envelope of one line, of whatever kind.

    Raises:
        msgspec.DecodeError, msgspec.ValidationError: not an event.
    """
    return _ENVELOPE.decode(line)


_ENVELOPE = msgspec.json.Decoder(Envelope)
_RECORD: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
