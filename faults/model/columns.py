"""What a row of the table of kinds of faults holds, and what follows from it.

Values only; nothing of the product is imported here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Targets = Literal["hosts", "pairs", "arrows", "groups"]
"""How whom it hits is given: hosts, pairs of hosts, pairs with a direction, groups of hosts."""
Notation = Literal[
    "duration",
    "offset",
    "signed duration",
    "share",
    "ppm",
    "slots",
    "size",
    "count",
    "bit rate",
    "names",
    "trace",
]
"""How a value is written in a campaign; an offset may be nothing, a signed duration negative."""
_UNITS: Mapping[str, str] = {
    "duration": "_ns", "offset": "_ns", "signed duration": "_ns", "ppm": "_ppb", "slots": "_slots",
    "size": "_bytes",
    "bit rate": "_bps",
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


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do a fault in a lab of hosts: the word that plans print, and what a host needs.

    remedy: what to do on a host that lacks that, where there is no other way. level: for which
    level it is the way, where the campaign may ask for one. unless: the capability of a host that
    forbids it. fits: whether it can do what is asked.
    """

    how: str
    needs: str = ""
    remedy: str = ""
    level: str = ""
    unless: str = ""
    fits: Callable[[Mapping[str, Any]], bool] = lambda asked: True


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of fault. The simulator does each that does not say why not; by says who else."""

    word: str
    does: str = ""
    """What it is, for whoever writes a campaign."""
    said: str
    """What is asked, in words, with the keys of `asked` in braces, nothing for those that are not
    there; {clock} is the level's.
    """
    by: Literal["host", "provider", "sim"] = "sim"
    """Who does it: the agent of the host itself, whoever owns the hosts (as their victim cannot
    undo it), or only the simulator.
    """
    asks_leave: bool = False
    """Whether hosts do it only in a campaign that allows it by its word."""
    unsimulated: str = ""
    """Why the simulator cannot do it; "" where it does."""
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
    whole_host: bool = False
    """Whether that becomes of the whole host, and not of its node alone."""
    repeats: bool = False
    """Whether it is done again and again while it lasts."""
    clock: Literal["", "step", "drift", "strobe", "wander", "lie"] = ""
    """What it does to a clock: steps it, once or to and fro, lets it drift, or wander, or has its
    time servers lie to it.
    """
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

    def only_takes_away(self, asked: Mapping[str, Any]) -> bool:
        """Return whether it does nothing but take producers away: in a ring or over a bridge blocks
        have to find ways that they never took.
        """
        return self.leaves_rest_whole and asked.get("shape") not in ("ring", "bridge")

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
        return self.whole_host and self.stops

    @property
    def reboots(self) -> bool:
        """Return whether the whole host dies and has to boot."""
        return self.whole_host and self.victim == "dead"

    @property
    def ends_by_boot(self) -> bool:
        """Return whether nothing but the next boot ends it: a host's agent dies with its host."""
        return self.by == "host" and self.reboots

    @property
    def restarts_unit(self) -> bool:
        """Return whether its undo starts a unit again, which is wrong for one it has not ended."""
        return self.by == "host" and self.victim == "dead" and not self.whole_host

    @property
    def moves_clock(self) -> bool:
        """Return whether a clock itself is moved."""
        return self.clock not in ("", "lie")

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
            case "step" | "strobe" | "lie":
                return abs(int(asked["by_ns"]))
            case "drift" | "wander":
                return abs(int(asked["by_ppb"])) * after_ns // 1_000_000_000
        return 0
