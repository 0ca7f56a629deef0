"""What a process tells of itself: node, probe or client, its clock, its links, what it costs."""

from typing import Literal

import msgspec
from msgspec import field

from node.events.record import Count, Record, Whole


class Started(Record, frozen=True, kw_only=True, tag="started"):
    """A process is up. resumed_num, resumed_lib: head and last irreversible block in the store."""

    software: str
    python: str
    role: Literal["node", "probe", "client"]
    chain_id: str = ""
    profile: str = ""
    producers: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    genesis_ns: Whole = 0
    slot_ns: Count = 0
    resumed_num: Count = 0
    resumed_lib: Count = 0


class Clock(Record, frozen=True, kw_only=True, tag="clock"):
    """One check of the node's wall clock against NTP.

    offset_ns = node clock - true time as the source tells it; bound_ns its error bound
    (root dispersion + root delay/2 + rtt/2 + drift). verified says whether production is allowed.
    """

    source: str
    offset_ns: Whole
    bound_ns: Whole
    rtt_ns: Whole
    verified: bool
    reason: str = ""
    stratum: Count = 0


class Probe(Record, frozen=True, kw_only=True, tag="probe"):
    """One burst of UDP probes: flow `clock` (never shaped) or `path` (shares the data's fate).

    t1..t4 are the CLOCK_MONOTONIC_RAW stamps of the exchange with the smallest round trip (t1, t4
    here; t2, t3 at the peer, whose boot id is peer_boot), all 0 when nothing came back. rtts_ns
    lists every round trip of the burst (t4-t1 minus t3-t2) in order of sending.
    """

    peer: str
    flow: Literal["clock", "path"]
    sent: Count
    received: Count
    t1_ns: Whole = 0
    t2_ns: Whole = 0
    t3_ns: Whole = 0
    t4_ns: Whole = 0
    peer_boot: str = ""
    rtts_ns: list[Whole] = field(default_factory=list)


class Peer(Record, frozen=True, kw_only=True, tag="peer"):
    """A link to a peer changed."""

    peer: str
    state: Literal["connected", "disconnected", "handshaked", "refused", "syncing", "synced"]
    reason: str = ""
    head_num: Count = 0
    lib_num: Count = 0


class Process(Record, frozen=True, kw_only=True, tag="process"):
    """The writer's own cost: cpu_ns is user plus system, loop_late_ns the worst loop lateness.

    sent_bytes, taken_bytes: frames that went to all peers and came from them since the last one.
    """

    cpu_ns: Count
    rss_bytes: Count
    loop_late_ns: Whole = 0
    mempool: Count = 0
    peers: Count = 0
    sent_bytes: Count = 0
    taken_bytes: Count = 0


class Machine(Record, frozen=True, kw_only=True, tag="machine"):
    """How the host is, as its probe finds it every ten seconds.

    busy_ns: time that its processors were not idle, together, since it booted. available_bytes:
    memory that programs can still have. nic_dropped: packets that its network cards threw away
    since it booted. celsius: of the hottest sensor; slowed: how often power or heat slowed it since
    the probe began. Both are left out where nobody says.
    """

    processors: Count
    busy_ns: Count
    available_bytes: Count
    nic_dropped: Count
    celsius: Count | msgspec.UnsetType = msgspec.UNSET
    slowed: Count | msgspec.UnsetType = msgspec.UNSET


class Dropped(Record, frozen=True, kw_only=True, tag="dropped"):
    """A bounded queue was full: n items were thrown away."""

    queue: str
    n: Count


class Stopped(Record, frozen=True, kw_only=True, tag="stopped"):
    """The process ends, in order or after a failure: `disk_failed`, or what else went wrong."""

    reason: str
