"""Loss: drop a share of the node's packets that arrive from some peers.

One by one, the kernel draws on arrival, unseeded: the sender sees nothing, as on a bad wire. What
it drew is counted, and the report prints it beside the share asked. Packets that the kernel has
merged (receive offload) are lost together. In bursts, a layer draws.
"""

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from faults.host.flow_table import Chain, Flows
from faults.kinds.shaping import nft_way
from faults.kinds.shaping.shape import ALL_PPM, Burst, Share, Treated, Way
from faults.kinds.shaping.shaper import Shaper
from faults.model.bursts import LossBursts
from faults.model.fault import HostContext


class Loss(Shaper, frozen=True, kw_only=True, tag="loss"):
    """Drop share_ppm of the packets from peers, in bursts of that mean length; no seed steers the
    kernel's draw.
    """

    tried_by: ClassVar[tuple[tuple[str, str], ...]] = (
        ("loss", "nft 'add table inet l; add chain inet l c;"
         " add rule inet l c numgen random mod 1000000 < 300000 counter drop'"),
    )  # fmt: skip
    share_ppm: Share
    burst: Burst = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        LossBursts(self.share_ppm / ALL_PPM, self.burst)

    def way(self, context: HostContext) -> Way:
        """Return how it is done here: as asked, else by rules alone where no bursts are asked."""
        return "nft" if self.how is None and self.burst == 1 else super().way(context)

    @property
    def treated(self) -> list[Treated]:
        """Return how packets of each peer are treated."""
        return [
            msgspec.structs.replace(each, loss_ppm=self.share_ppm, burst=self.burst)
            for each in super().treated
        ]

    def tables(self, context: HostContext) -> Mapping[str, Flows]:
        """Return what arrives from the peers; the table's chain draws for each packet."""
        verdict = f"numgen random mod {ALL_PPM} < {self.share_ppm} counter drop"
        if self.share_ppm == ALL_PPM:
            verdict = "counter drop"
        chain = Chain(hook="input", set_name="lossy", verdict=verdict)
        members = {"lossy": self.senders}
        return {context.table: Flows(port=self.node_port, chains=(chain,), members=members)}

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return the packets that arrived, and those of them that were dropped."""
        if self.way(context) != "nft":
            return super().counters(context)
        seen, lost = nft_way.rules(self, context).counted("input")
        return {"seen": seen, "dropped": {"input": lost}}
