"""When each writer of a trial wrote what, in the order of its numbers."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from metrics.model.arrays import Ints


class Stamp(NamedTuple):
    """When and what a line said, without its content."""

    kind: str
    boot: str
    wall_ns: int
    mono_ns: int


@dataclass(frozen=True, slots=True)
class Written:
    """The lines of one writer in the order of their numbers; kind and boot are places in names."""

    names: list[str]
    seq: Ints
    kind: Ints
    boot: Ints
    wall_ns: Ints
    mono_ns: Ints

    def at(self, index: int) -> Stamp:
        """Return one line."""
        return Stamp(
            self.names[self.kind[index]],
            self.names[self.boot[index]],
            int(self.wall_ns[index]),
            int(self.mono_ns[index]),
        )

    def begins_and_ends(self) -> list[int]:
        """Return the index of each line that comes before a begin or is an end."""
        begin, end = (self.kind == self.names.index(word) for word in ("started", "stopped"))
        return np.flatnonzero(begin[1:] | end[:-1]).tolist()
