"""Rate: no more than so many bits a second of the node's packets pass, each pair and way apart."""

import msgspec

from faults.kinds.shaping.shape import BitRate, Treated
from faults.kinds.shaping.shaper import Shaper


class Rate(Shaper, frozen=True, kw_only=True, tag="rate"):
    """Let rate_bps of packets to or from each peer pass; the others wait, as many as may."""

    rate_bps: BitRate

    @property
    def treated(self) -> list[Treated]:
        """Return how packets of each peer are treated."""
        return [msgspec.structs.replace(each, bit_rate=self.rate_bps) for each in super().treated]
