"""One row a kind of fault: all that campaign, plan, agent, simulator and metrics must agree on.

Values only; nothing of the product is imported here. Nobody else asks a fault for its name to find
out what it does: what a reader needs to know of a kind is a column of this table. Campaigns are
read by it, too: the keys of a row are those that its faults have in a campaign file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

LAYERS_MAX = 4
"""How many faults at one time may treat packets on a host, on top of each other."""
HOST_DRIFT_PPB_MAX = 500_000
"""What the kernel lets a host's clock drift by."""
Targets = Literal["hosts", "pairs", "arrows", "groups"]
"""How whom it hits is given: hosts, pairs of hosts, pairs with a direction, groups of hosts."""
Notation = Literal["duration", "offset", "signed duration", "share", "ppm", "slots", "names"]
"""How a value is written in a campaign; an offset may be nothing, a signed duration negative."""
_UNITS: Mapping[str, str] = {
    "duration": "_ns", "offset": "_ns", "signed duration": "_ns", "ppm": "_ppb", "slots": "_slots",
}  # fmt: skip
"""By notation: how the name of such a value ends once it has been read."""
Victim = Literal["lives", "mute", "lies", "still", "dead"]
"""What becomes of a target's node: lives as before, signs too little, signs what it must not,
stands still and goes on, or dies.
"""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that a fault has in a campaign, beside those that say when and whom it hits.

    written: how its value is written, or the words it may be. default: what it is when it is left
    out; without one it has to be there. does: what it is, for whoever writes a campaign.
    """

    name: str
    written: Notation | tuple[str, ...]
    default: Any = ...
    does: str = field(kw_only=True)

    @property
    def asked(self) -> str:
        """Return its name in `asked`."""
        return self.name + _UNITS.get(str(self.written), "")


def _one_way(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of a delay, of which one way is given or both."""
    delay_ns, rtt_ns, jitter_ns = asked["delay_ns"], asked["rtt_ns"], asked["jitter_ns"]
    if (delay_ns is None) == (rtt_ns is None):
        raise ValueError("give exactly one of delay (one way) and rtt (split evenly)")
    one_way_ns = rtt_ns // 2 if delay_ns is None else delay_ns
    if jitter_ns > one_way_ns > 0:
        raise ValueError("jitter is larger than the delay itself; lower it")
    return {"delay_ns": one_way_ns, "jitter_ns": jitter_ns}


def _in_the_kernels_reach(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of a drift; the kernel bends a host's own clock by so much only."""
    if asked["level"] == "host" and abs(asked["by_ppb"]) > HOST_DRIFT_PPB_MAX:
        raise ValueError("by: a host's clock drifts by 500ppm at most; lower it")
    return dict(asked)


def _whom_only_a_censor_names(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of a liar; accounts only where they are, and only of who censors."""
    accounts = list(asked["accounts"])
    if accounts and asked["strategy"] != "censor":
        raise ValueError(f"accounts: {asked['strategy']} spares nobody; remove it")
    rest = {key: value for key, value in asked.items() if key != "accounts"}
    return {**rest, "accounts": accounts} if accounts else rest


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do a fault in a lab of hosts: the word that plans print, and what a host needs.

    remedy: what to do on a host that lacks that, where there is no other way. level: for which
    level it is the way, where the campaign may ask for one. unless: the capability of a host that
    forbids it.
    """

    how: str
    needs: str = ""
    remedy: str = ""
    level: str = ""
    unless: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of fault. The simulator does each of them; by says who else."""

    word: str
    does: str = ""
    """What it is, for whoever writes a campaign."""
    said: str
    """What is asked, in words, with the keys of `asked` in braces; {clock} is the level's."""
    by: Literal["host", "provider", "sim"] = "sim"
    """Who does it: the agent of the host itself, whoever owns the hosts (as their victim cannot
    undo it), or only the simulator.
    """
    targets: Targets = "hosts"
    keys: tuple[Key, ...] = ()
    """What else a campaign says of it; how long it lasts only where that may be left out."""
    settle: Callable[[Mapping[str, Any]], dict[str, Any]] = dict
    """Returns what is asked of the values given; raises ValueError where they do not fit."""
    asked: tuple[str, ...] = ()
    """The keys of `asked` it cannot be without."""
    strength: tuple[str, ...] = ()
    """The keys of `asked` of which none may be zero: a fault of no strength does nothing."""
    lasts: Literal["for", "restart_after"] = "for"
    """The key of a campaign that says how long it lasts."""
    ways: tuple[Way, ...] = ()
    """The first that works on all its hosts is taken, of those for the level asked."""
    power: tuple[str, str, str] = ("", "", "")
    """A provider's words: the commands that begin and end it, and the state in between."""
    shares: str = ""
    """What it has in common with other kinds on a host: they would undo each other, so that one may
    begin at the moment another ends and not before.
    """
    stacks: bool = False
    """Whether several may act on one pair at one time: what they do adds up, and each is judged by
    itself.
    """
    victim: Victim = "lives"
    clock: Literal["", "step", "drift", "lie"] = ""
    """What it does to a clock: steps it, lets it drift, or has its time servers lie to it."""
    asks_servers: bool = False
    """Whether it is done to the answers of a host's time servers."""
    severs: Literal["", "always", "at full share"] = ""
    """When nothing passes any more between those it keeps apart."""
    loses: bool = False
    """Whether packets between hosts are lost."""
    slows: bool = False
    """Whether packets between hosts come later."""
    leaves_rest_whole: bool = False
    """Whether it does nothing but take producers away, which the plan's quorum counts."""

    @property
    def on_flows(self) -> bool:
        """Return whether a host's agent does it to packets of the node's port."""
        return self.by == "host" and self.targets != "hosts"

    @property
    def stops(self) -> bool:
        """Return whether a target's node is not there while it lasts."""
        return self.victim in ("still", "dead")

    @property
    def stops_host(self) -> bool:
        """Return whether the whole host is not there while it lasts."""
        return self.by == "provider" and self.stops

    @property
    def reboots(self) -> bool:
        """Return whether the whole host dies and has to boot."""
        return self.by == "provider" and self.victim == "dead"

    @property
    def restarts_unit(self) -> bool:
        """Return whether its undo starts a unit again, which is wrong for one it has not ended."""
        return self.by == "host" and self.victim == "dead"

    @property
    def abstains(self) -> bool:
        """Return whether a target is there but cannot be counted on."""
        return self.victim in ("mute", "lies")

    def lacks(self, asked: Mapping[str, Any]) -> str:
        """Return which key of what is asked is zero, so that nothing is done; "" where none is."""
        return next((key for key in self.strength if not asked[key]), "")

    def cuts(self, asked: Mapping[str, Any]) -> bool:
        """Return whether nothing passes between those it keeps apart, as it is asked for."""
        return self.severs == "always" or (bool(self.severs) and asked["share"] >= 1)

    def clock_error_ns(self, asked: Mapping[str, Any], after_ns: int) -> int:
        """Return how far off a target's clock, or what it is told of it, is after so long."""
        match self.clock:
            case "step" | "lie":
                return abs(int(asked["by_ns"]))
            case "drift":
                return abs(int(asked["by_ppb"])) * after_ns // 1_000_000_000
        return 0


_NFT = Way("nft", "nft", "apt install nftables, or use a kernel with nf_tables")
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
_PROVIDER = Way("provider", "provider")
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
        said="delay {delay_ns}{jitter_ns} one way", by="host", targets="pairs",
        keys=(
            Key("delay", "offset", None, does="How much later packets arrive, one way."),
            Key("rtt", "offset", None, does="The same of both ways together, split evenly."),
            Key("jitter", "offset", 0, does="How much more or less than the delay, at most."),
        ),
        settle=_one_way, asked=("delay_ns", "jitter_ns"), strength=("delay_ns",),
        shares="packets", stacks=True, slows=True,
        ways=(Way("netem", "netem", unless="foreign_qdisc"), Way("queue", "nfqueue")),
    ),
    Kind(
        word="partition", does="The lab is cut into groups that cannot reach each other.",
        said="partition", by="host", targets="groups", ways=(_NFT,), severs="always", loses=True,
        leaves_rest_whole=True,
    ),
    Kind(
        word="cut",
        does="A one-way cut: nothing of `from` reaches `to`; the other way stays open.",
        said="cut", by="host", targets="arrows", ways=(_NFT,), severs="always", loses=True,
    ),
    Kind(
        word="loss", does="That share of messages between hosts never arrives.",
        said="{share} of the packets lost", by="host", targets="pairs", keys=(_SHARE,),
        asked=("share",), strength=("share",),
        ways=(Way("nft", "loss", "use a kernel with nft_numgen"),),
        shares="packets", stacks=True, severs="at full share", loses=True,
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
        settle=_in_the_kernels_reach, asked=("by_ppb", "level"), strength=("by_ppb",),
        ways=(_PROCESS_CLOCK, _HOST_CLOCK), shares="clock", clock="drift",
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
        word="power_cut",
        does="A host loses its power and gets it back; its disk keeps what was synced.",
        said="power_cut (with management)", by="provider", ways=(_PROVIDER,),
        power=("off", "on", "off"), shares="power", victim="dead", loses=True, slows=True,
    ),
    Kind(
        word="freeze_host", does="A whole host stands still and goes on.",
        said="freeze_host (with management)", by="provider", ways=(_PROVIDER,),
        power=("freeze", "thaw", "frozen"), shares="power", victim="still", loses=True,
        slows=True,
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
        word="duplicate", does="That share of messages between hosts arrives twice.",
        said="duplicate", targets="pairs", keys=(_SHARE,), asked=("share",), strength=("share",),
        stacks=True,
    ),
    Kind(
        word="reorder",
        does="That share of messages between hosts is late, so that younger ones overtake.",
        said="reorder", targets="pairs",
        keys=(_SHARE, Key("by", "offset", does="How much later those are.")),
        asked=("share", "by_ns"), strength=("share", "by_ns"), stacks=True, slows=True,
    ),
    Kind(
        word="byzantine",
        does="A node lies by one strategy of node/byzantine; to the end unless `for` is given.",
        said="lies: {strategy}",
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
        settle=_whom_only_a_censor_names,
        asked=("strategy", "by_ns"), victim="lies",
    ),
)  # fmt: skip

KINDS: Mapping[str, Kind] = {row.word: row for row in _ROWS}
"""Every kind of fault by its word."""


def kind(word: str) -> Kind:
    """Return the row of a word; of a word that nobody knows, the row of a fault without effect."""
    return KINDS.get(word) or Kind(word=word, said=word)
