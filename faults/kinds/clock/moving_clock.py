"""Clock faults that move the node's clock again and again: a strobe, and a wandering rate.

The agent puts the first of them into the skew file, a helper of our own all later ones, along a
path that is known beforehand. What is read back is the file beside that path.
"""

import itertools
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from faults.host.boottime import boottime_ns
from faults.host.clock.skew_file import Skew, read_skew
from faults.host.helper_process import Helper
from faults.host.settled import settled
from faults.kinds.clock.clock_faults import ClockFault
from faults.kinds.clock.clock_readback import Bend
from faults.kinds.clock.skew_writer import Spec
from faults.model.clock_path import Stay, path
from faults.model.fault import (
    FOR_NS_MAX,
    Command,
    Evidence,
    HostContext,
    Offset,
    Recipe,
    SetSkew,
    verdict,
)
from faults.model.settling import EVERY_NS_MIN, WANDER_PPB_MAX

PATH_ERROR_NS = 1_000_000
"""A rate that was put into the file late leaves the clock off its path by less."""


class MovingClock(ClockFault, frozen=True, kw_only=True):
    """Base of the two: the path is what is asked, and the seed."""

    level: Literal["process"] = "process"
    seed: int = 0

    def bend(self) -> Bend:
        """Return how it begins."""
        first = next(self._path())
        return Bend(self.level, by_ns=first.offset_ns, by_ppb=first.drift_ppb)

    def recipe(self, context: HostContext) -> Recipe:
        """Return: start the helper; the first move, and word that it has begun; all of it back."""
        helper, begun, first = _helper(context), _begun(context), self.bend()
        known = {"by_ns": 0, "every_ns": 0, "by_ppb": 0}
        asked = msgspec.structs.asdict(self)
        spec = Spec(
            **{key: asked.get(key, 0) for key in known}, seed=self.seed,
            begin_boottime_ns=(context.deadline_ns or 0) - (self.for_ns or 0),
            until_boottime_ns=helper.until_ns, pid_file=str(helper.pid_file),
            stats_file=str(helper.stats_file), skew_file=str(context.skew_file), begun_file=begun,
        )  # fmt: skip
        return Recipe(
            how="process clock",
            prepare=(helper.start(spec), helper.ready(helper.stats_file)),
            inject=(
                SetSkew(context.skew_file, first.by_ns, first.by_ppb),
                Command(("touch", begun)),
            ),
            release=(
                Command(("rm", "-f", begun)), helper.stop(), SetSkew(context.skew_file, 0, 0)
            ),
            remove=(helper.forget(),),
        )  # fmt: skip

    def read_back(self, context: HostContext) -> Evidence:
        """Return whether the file holds what the path has now, and the helper lives."""
        skew, there = settled(lambda: read_skew(context.skew_file), lambda s: self._on(s, context))
        data: dict[str, object] = {"skew": msgspec.to_builtins(skew)}
        if not _helper(context).runs():
            return verdict("the helper is gone", data)
        return verdict("" if there else "the skew file is off the path", data)

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return how often the clock was moved after the first time, and how late at most."""
        return _helper(context).stats()

    def ended_early(self, context: HostContext) -> str:
        """Return what is not as it should be, "" when all is."""
        return self.read_back(context).reason

    def left_over(self, context: HostContext) -> str:
        """Return what of the skew or the helper is still there."""
        skew = read_skew(context.skew_file)
        left = ["skew"] * bool(skew.offset_ns or skew.drift_ppb)
        return " ".join([*left, *["helper"] * _helper(context).runs()])

    def _path(self) -> Iterator[Stay]:
        return path(msgspec.structs.asdict(self), self.seed)

    def _on(self, skew: Skew, context: HostContext) -> bool:
        """Return whether a skew is that of the stay at hand, or of the one just over."""
        after_ns = boottime_ns() - (context.deadline_ns or 0) + (self.for_ns or 0)
        known = itertools.takewhile(lambda stay: stay.begin_ns <= after_ns, self._path())
        *_, now = (Stay(0, 0, 0), *known)
        near = abs(skew.offset_ns - now.offset_ns) <= PATH_ERROR_NS
        return near and skew.drift_ppb == now.drift_ppb


class ClockStrobe(MovingClock, frozen=True, kw_only=True, tag="clock_strobe"):
    """Set the clock forward by by_ns (back if negative) and right again, each for every_ns."""

    by_ns: Offset
    every_ns: Annotated[int, Meta(ge=EVERY_NS_MIN, le=FOR_NS_MAX)]


class ClockWander(MovingClock, frozen=True, kw_only=True, tag="clock_wander"):
    """Let the clock's rate wander within by_ppb either way, anew each second."""

    by_ppb: Annotated[int, Meta(gt=0, le=WANDER_PPB_MAX)]


def _helper(context: HostContext) -> Helper:
    return Helper("faults.kinds.clock.skew_writer", "skew-writer", context)


def _begun(context: HostContext) -> str:
    return str(context.run_dir / f"skew-writer-{context.token}.begun")
