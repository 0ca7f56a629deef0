"""Corrupt: a share of the node's packets arrives with a wrong bit.

Checksums find it, so that a datagram is lost and a stream sends it again: nothing wrong is read.
"""

import msgspec

from faults.kinds.shaping.shape import Share, Treated
from faults.kinds.shaping.shaper import Shaper


class Corrupt(Shaper, frozen=True, kw_only=True, tag="corrupt"):
    """Change a bit of share_ppm of the packets to or from peers."""

    share_ppm: Share

    @property
    def treated(self) -> list[Treated]:
        """Return how packets of each peer are treated."""
        return [
            msgspec.structs.replace(each, corrupt_ppm=self.share_ppm) for each in super().treated
        ]
