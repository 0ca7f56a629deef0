"""Reorder: a share of the node's packets is late, so that younger ones overtake them."""

import msgspec

from faults.kinds.shaping.shape import By, Share, Treated
from faults.kinds.shaping.shaper import Shaper


class Reorder(Shaper, frozen=True, kw_only=True, tag="reorder"):
    """Hold share_ppm of the packets to or from peers for by_ns."""

    share_ppm: Share
    by_ns: By

    @property
    def treated(self) -> list[Treated]:
        """Return how packets of each peer are treated."""
        return [
            msgspec.structs.replace(each, reorder_ppm=self.share_ppm, by_ns=self.by_ns)
            for each in super().treated
        ]
