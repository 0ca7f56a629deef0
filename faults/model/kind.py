"""One row a kind of fault: all that campaign, plan, agent, simulator and metrics must agree on.

Values only. Nobody else asks a fault for its name to find out what it does: what a reader needs to
know of a kind is a column of this table (`columns.py`). Campaigns are read by it, too: the keys of
a row are those that its faults have in a campaign file, settled by `settling.py`.
"""

from collections.abc import Mapping
from dataclasses import replace

from faults.model.columns import Key, Kind, Way
from faults.model.settling import (
    hang_is_not_said,
    in_bursts,
    in_the_kernels_reach,
    often_enough,
    one_amount,
    one_way,
    up_between,
    whom_only_a_censor_names,
    within,
)

LAYERS_MAX = 4
"""How many faults at one time may treat packets on a host, on top of each other."""
_NFT = Way("nft", "nft", "apt install nftables, or use a kernel with nf_tables")
_SEVERED = (
    Way("nft", "nft", _NFT.remedy, fits=lambda a: "how" not in a),
    Way("nft reject", "reject", "use a kernel with nft_reject_inet, or how: hang",
        fits=lambda a: "how" in a),
)  # fmt: skip
_HANGS = Key(
    "how", ("hang", "reset"), "hang",
    does="What becomes of what is sent: nothing, so that its sender waits (hang), or TCP answers"
    " with a reset, so that it notices at once (reset).",
)  # fmt: skip
_SIGNAL = Way("signal", "systemd", "boot it with systemd")
_PROCESS_CLOCK = Way("process clock", level="process")
_HOST_CLOCK = Way(
    "host clock", "clock_host",
    "use hardware or vm hosts, or level: process (containers share a clock)", level="host",
)  # fmt: skip
_DAEMON_CLOCK = Way(
    "daemon clock", "clock_daemon", "install chrony there, or use level: host or process",
    level="daemon",
)  # fmt: skip
_UNIT = Way("systemd unit", "systemd", "boot it with systemd")
"""By systemd, or by a unit of our own that it keeps."""
_QUOTA = Way("systemd unit", "cpu_quota", "use a kernel with cgroups for processors")
_OWN_DISK = Way(
    "ballast", "own_disk",
    "mount a file system of its own, the node's, at chain/ in its state folder: it is never the"
    " system's that is filled",
)  # fmt: skip
_MOUNT = Way(
    "bind mount", "shared_mounts",
    "boot it with systemd, in a container whose mounts are shared and that may mount",
)  # fmt: skip
_LIMIT = Way(
    "cgroup", "io_max",
    "use a kernel with cgroups v2 for disks, and a host that has a disk below chain/, no container",
)  # fmt: skip
_NOTHING_TO_USE_UP = "the simulator's hosts have no processors, memory or disks to use up"
_PROVIDER = Way("provider", "provider")
_LAYERS = (Way("netem", "netem", unless="foreign_qdisc"), Way("queue", "nfqueue"))
_RESTART_AFTER = Key(
    "restart_after", "duration", None,
    does="How long after it is down it is started again; left out, it stays down.",
)  # fmt: skip
_SHARE = Key("share", "share", does="How many of the packets, or messages, on average.")
_CLOCK_LEVEL = (
    "Whose clock: the node's (process), the time daemon's (daemon), the machine's (host)."
)

_ROWS = (
    Kind(
        word="delay",
        does="One-way delay of the node's packets between hosts; rtt is the same, split evenly.",
        said="delay {delay_ns}{jitter_ns}{distribution} one way{back_ns}", by="host",
        targets="pairs",
        keys=(
            Key("delay", "offset", None, does="How much later packets arrive, one way."),
            Key("rtt", "offset", None, does="The same of both ways together, split evenly."),
            Key("back", "offset", None, does="How much later those from the second side of "
                "`between` to the first; left out, as much as the delay."),
            Key("jitter", "offset", 0, does="How much more or less than the delay: at most, where "
                "the distribution is uniform; of the others it is the unit."),
            Key("distribution", ("uniform", "normal", "pareto", "paretonormal"), "uniform",
                does="How the jitter is spread: evenly, or as netem's tables of that name."),
            Key("trace", "trace", None, does="Instead of all these, a CSV file beside the campaign:"
                " at_s from its begin, and the delay_ms of one way from then on."),
        ),
        settle=one_way, asked=("delay_ns", "jitter_ns"), strength=("delay_ns",),
        stacks=True, slows=True,
        ways=_LAYERS,
    ),
    Kind(
        word="partition", does="The lab is cut into groups that cannot reach each other.",
        said="partition{shape}{how}", by="host", targets="groups", keys=(_HANGS,),
        settle=hang_is_not_said, ways=_SEVERED, severs="always", loses=True,
        leaves_rest_whole=True,
    ),
    Kind(
        word="cut",
        does="A one-way cut: nothing of `from` reaches `to`; the other way stays open.",
        said="cut{how}", by="host", targets="arrows", keys=(_HANGS,), settle=hang_is_not_said,
        ways=_SEVERED, severs="always", loses=True,
    ),
    Kind(
        word="loss",
        does="That share of messages between hosts never arrives; drawn one by one, or in bursts.",
        said="{share} of the packets lost{burst}", by="host", targets="pairs",
        keys=(_SHARE, Key("burst", "count", 1, does="How many are lost in a row, on average; with "
                          "1 each is drawn alone.")),
        settle=in_bursts, asked=("share",), strength=("share",),
        ways=(Way("nft", "loss", "use a kernel with nft_numgen", fits=lambda a: "burst" not in a),
              *(replace(way, fits=lambda a: "burst" in a) for way in _LAYERS)),
        stacks=True, severs="at full share", loses=True,
    ),
    Kind(
        word="duplicate", does="That share of messages between hosts arrives twice.",
        said="{share} of the packets twice", by="host", targets="pairs", keys=(_SHARE,),
        asked=("share",), strength=("share",), stacks=True,
        ways=(Way("nft", "duplicate", "use a kernel with nft_dup_ipv4 and nft_dup_ipv6"),),
    ),
    Kind(
        word="corrupt",
        does="That share of packets between hosts arrives with a wrong bit. Checksums find it: "
        "datagrams are lost, streams send again.",
        said="{share} of the packets corrupted", by="host", targets="pairs", keys=(_SHARE,),
        asked=("share",), strength=("share",), ways=_LAYERS, stacks=True, loses=True,
    ),
    Kind(
        word="reorder",
        does="That share of messages between hosts is late, so that younger ones overtake.",
        said="{share} of the packets late by {by_ns}", by="host", targets="pairs",
        keys=(_SHARE, Key("by", "offset", does="How much later those are.")),
        asked=("share", "by_ns"), strength=("share", "by_ns"), ways=_LAYERS, stacks=True,
        slows=True,
    ),
    Kind(
        word="rate",
        does="No more than so many bits pass between two hosts in a second, each way; the rest "
        "waits.",
        said="at most {rate_bps}", by="host", targets="pairs",
        keys=(Key("rate", "bit rate", does="How many bits a second, of each pair and way."),),
        asked=("rate_bps",), ways=_LAYERS, stacks=True, slows=True,
    ),
    Kind(
        word="clock_step",
        does="A wall clock is off by so much: the node's view of it, the time daemon's, or the "
        "host's.",
        said="{clock} off by {by_ns} ({level})", by="host",
        keys=(
            Key("by", "signed duration", does="How far ahead; behind where it is negative."),
            Key("level", ("process", "daemon", "host"), "process", does=_CLOCK_LEVEL),
        ),
        asked=("by_ns", "level"), strength=("by_ns",),
        ways=(_PROCESS_CLOCK, _HOST_CLOCK, _DAEMON_CLOCK),
        shares="clock", clock="step",
    ),
    Kind(
        word="clock_drift",
        does="A wall clock runs fast (slow when negative) by so much: the node's view of it, or "
        "the host's.\n\nA host's clock can be bent by 500 ppm at most.",
        said="{clock} fast by {by_ppb} ({level})", by="host",
        keys=(
            Key("by", "ppm", does="How much too fast; too slow where it is negative."),
            Key("level", ("process", "host"), "process", does=_CLOCK_LEVEL),
        ),
        settle=in_the_kernels_reach, asked=("by_ppb", "level"), strength=("by_ppb",),
        ways=(_PROCESS_CLOCK, _HOST_CLOCK), shares="clock", clock="drift",
    ),
    Kind(
        word="clock_strobe",
        does="A node's clock steps by so much and back, each for `every`.",
        said="{clock} steps by {by_ns} and back, each for {every_ns} ({level})", by="host",
        keys=(
            Key("by", "signed duration", does="How far ahead; behind where it is negative."),
            Key("every", "duration", does="From one step to the next."),
            Key("level", ("process",), "process", does=_CLOCK_LEVEL),
        ),
        settle=often_enough, asked=("by_ns", "every_ns", "level"), strength=("by_ns",),
        ways=(_PROCESS_CLOCK,), shares="clock", clock="strobe",
    ),
    Kind(
        word="clock_wander",
        does="The rate of a node's clock wanders within so much either way, by the trial's seed.",
        said="{clock} wanders within {by_ppb} ({level})", by="host",
        keys=(
            Key("by", "ppm", does="How much too fast or too slow it is at most."),
            Key("level", ("process",), "process", does=_CLOCK_LEVEL),
        ),
        settle=within, asked=("by_ppb", "level"), strength=("by_ppb",), ways=(_PROCESS_CLOCK,),
        shares="clock", clock="wander",
    ),
    Kind(
        word="ntp_offset",
        does="What a host's time servers answer is off by so much, for its node and its daemon "
        "alike.",
        said="NTP answers off by {by_ns}", by="host",
        keys=(Key("by", "signed duration", does="How far ahead they are; negative: behind."),),
        asked=("by_ns",), strength=("by_ns",),
        ways=(Way("ntp relay", "ntp_relay", "use a kernel with nft_nat and nft_redir"),),
        shares="ntp", clock="lie", asks_servers=True,
    ),
    Kind(
        word="ntp_cut", does="What a host's time servers answer does not arrive.",
        said="NTP answers do not arrive", by="host", ways=(_NFT,), shares="ntp",
        asks_servers=True,
    ),
    Kind(
        word="kill", does="A node is killed; it stays down unless restart_after is given.",
        said="kill{restart_after_ns}", by="host",
        keys=(Key("signal", ("SIGKILL",), "SIGKILL", does="By which signal."), _RESTART_AFTER),
        lasts="restart_after", ways=(_SIGNAL,), shares="unit", victim="dead",
        leaves_rest_whole=True,
    ),
    Kind(
        word="pause", does="A node is frozen; what arrives meanwhile waits, in order.",
        said="pause", by="host", ways=(_SIGNAL,), shares="unit", victim="still",
        leaves_rest_whole=True,
    ),
    Kind(
        word="restart", does="A node ends in order and is started again.",
        said="restart{restart_after_ns}", by="host",
        keys=(
            Key("restart_after", "duration", 1_000_000_000,
                does="How long after it was told to end it is started again."),
        ),
        lasts="restart_after", ways=(_UNIT,), shares="unit", victim="dead",
        leaves_rest_whole=True,
    ),
    Kind(
        word="crash_loop",
        does="A node is killed every so often, and each time started again after `down`.",
        said="killed every {every_ns}, each time down for {down_ns}", by="host",
        keys=(
            Key("every", "duration", does="From one kill to the next."),
            Key("down", "duration", 1_000_000_000, does="From a kill to the start after it."),
        ),
        settle=up_between, asked=("every_ns", "down_ns"), ways=(_UNIT,), shares="unit",
        victim="dead", repeats=True,
    ),
    Kind(
        word="reboot",
        does="A host ends in order and boots anew by itself, within `for` at most.",
        said="reboot (with management)", by="host", ways=(_UNIT,), shares="unit",
        victim="dead", whole_host=True, loses=True, slows=True,
    ),
    Kind(
        word="cpu", does="That share of a host's processors is burned, beside its node.",
        said="{share} of the processors burned", by="host", unsimulated=_NOTHING_TO_USE_UP,
        keys=(Key("share", "share", does="How much of all processors' time."),),
        asked=("share",), strength=("share",), ways=(_QUOTA,), shares="cpu",
    ),
    Kind(
        word="memory",
        does="So much of a host's memory, or such a share of it, is held by somebody else.",
        said="memory held", by="host", unsimulated=_NOTHING_TO_USE_UP,
        keys=(
            Key("amount", "size", None, does="How much is held."),
            Key("share", "share", None, does="How much of all that the host has."),
        ),
        settle=one_amount, ways=(_UNIT,), shares="memory",
    ),
    Kind(
        word="io",
        does="Writes, each waited for, keep the disk busy that the node keeps its blocks on.",
        said="writes of {size_bytes}, each waited for", by="host",
        unsimulated=_NOTHING_TO_USE_UP,
        keys=(Key("size", "size", 1_000_000, does="How much each of them writes."),),
        asked=("size_bytes",), strength=("size_bytes",), ways=(_UNIT,), shares="io",
    ),
    Kind(
        word="disk_full",
        does="The file system of a node's blocks has no more room than `leave`; the node is "
        "started again afterwards. In the simulator it ends at once.",
        said="disk full but for {leave_bytes}", by="host",
        keys=(Key("leave", "size", 0, does="How much room is left."),),
        asked=("leave_bytes",), ways=(_OWN_DISK,), shares="unit", victim="dead",
        leaves_rest_whole=True,
    ),
    Kind(
        word="read_only",
        does="The file system of a node's blocks takes no writes; the node is started again "
        "afterwards. In the simulator it ends at once.",
        said="disk read-only", by="host", ways=(_MOUNT,), shares="unit", victim="dead",
        leaves_rest_whole=True,
    ),
    Kind(
        word="slow_disk",
        does="The disk of a node's blocks takes so many writes of the node's in a second, no more;"
        " the rest waits, and each fsync with it.",
        said="disk takes {writes} writes a second", by="host", unsimulated=_NOTHING_TO_USE_UP,
        keys=(Key("writes", "count", does="How many writes it takes in a second."),),
        asked=("writes",), ways=(_LIMIT,), shares="slow_disk",
    ),
    Kind(
        word="power_cut",
        does="A host loses its power and gets it back; its disk keeps what was synced.",
        said="power_cut (with management)", by="provider", ways=(_PROVIDER,),
        power=("off", "on", "off"), shares="power", victim="dead", whole_host=True, loses=True,
        slows=True,
    ),
    Kind(
        word="freeze_host", does="A whole host stands still and goes on.",
        said="freeze_host (with management)", by="provider", ways=(_PROVIDER,),
        power=("freeze", "thaw", "frozen"), shares="power", victim="still", whole_host=True,
        loses=True, slows=True,
    ),
    Kind(
        word="link_down", does="A host's network link is down, management and all.",
        said="link_down (with management)", by="provider", ways=(_PROVIDER,),
        power=("link_down", "link_up", "link_down"), shares="power", severs="always", loses=True,
        slows=True,
    ),
    Kind(
        word="silent",
        does="A node follows, but its producers sign only the first `keep` slots of a turn.",
        said="signs only the first {keep_slots} slots of a turn",
        keys=(Key("keep", "slots", 0, does="How many slots of each turn it signs all the same."),),
        asked=("keep_slots",), victim="mute", leaves_rest_whole=True,
    ),
    Kind(
        word="crash",
        does="A machine dies and stays down unless restart_after is given; `loses` says what its "
        "disk does not have afterwards.",
        said="crash",
        keys=(
            _RESTART_AFTER,
            Key("loses", ("nothing", "uncommitted", "watermarks", "everything"), "uncommitted",
                does="What its disk does not have afterwards."),
        ),
        lasts="restart_after", victim="dead", leaves_rest_whole=True,
    ),
    Kind(
        word="byzantine",
        does="A node lies by one strategy of node/byzantine; to the end unless `for` is given. "
        "On hosts it must be allowed: `safety: {allow: [byzantine]}`.",
        said="lies: {strategy}", by="host", asks_leave=True, ways=(Way("behaviour file"),),
        keys=(
            Key("strategy", ("double_production", "ignore_watermark", "withhold", "grind_reveals",
                             "grind_shuffle", "wrong_confirmed", "late", "censor", "invalid_block",
                             "fork_flood"), does="How it lies."),
            Key("for", "duration", None, does="How long it lies; left out, to the end."),
            Key("by", "duration", 1_000_000_000,
                does="How long late and withhold keep a block back."),
            Key("accounts", "names", (),
                does="Whose transactions censor leaves out; everybody's where none is named."),
        ),
        settle=whom_only_a_censor_names,
        asked=("strategy", "by_ns"), victim="lies",
    ),
)  # fmt: skip

KINDS: Mapping[str, Kind] = {row.word: row for row in _ROWS}
"""Every kind of fault by its word."""


def kind(word: str) -> Kind:
    """Return the row of a word; of a word that nobody knows, the row of a fault without effect."""
    return KINDS.get(word) or Kind(word=word, said=word)
