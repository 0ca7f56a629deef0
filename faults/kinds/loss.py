"""Loss: drop a share of the node's packets that arrive from some peers, drawn anew for each.

Done on arrival: the sender sees nothing, as on a bad wire. The kernel draws, unseeded; what it drew
is counted, and the report prints it beside the share asked. Packets that the kernel has merged
(receive offload) are lost together.
"""

from typing import Annotated

from msgspec import Meta

from faults.host.flow_table import Chain, Flows
from faults.host.nft_readback import counted
from faults.kinds.table_fault import TableFault
from faults.model.fault import HostContext, Port, Touched, addresses

ALL_PPM = 1_000_000


class Loss(TableFault, frozen=True, kw_only=True, tag="loss"):
    """Drop share_ppm of the packets from sources; no seed steers the kernel's draw."""

    tried_by = (
        ("loss", "nft 'add table inet l; add chain inet l c;"
         " add rule inet l c numgen random mod 1000000 < 300000 counter drop'"),
    )  # fmt: skip
    sources: list[str]
    share_ppm: Annotated[int, Meta(gt=0, le=ALL_PPM)]
    node_port: Port

    def __post_init__(self) -> None:
        addresses(self.sources)

    def touched(self) -> Touched:
        """Return the node's port and the peers named."""
        return Touched(node_port=self.node_port, peers=self.sources)

    def flows(self) -> Flows:
        """Return what arrives from the sources; its chain draws for each packet."""
        verdict = f"numgen random mod {ALL_PPM} < {self.share_ppm} counter drop"
        if self.share_ppm == ALL_PPM:
            verdict = "counter drop"
        chain = Chain(hook="input", set_name="lossy", verdict=verdict)
        return Flows(port=self.node_port, chains=(chain,), members={"lossy": self.sources})

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return the packets that arrived, and those of them that were dropped."""
        seen, lost = counted(context.table).get("input", (0, 0))
        return {"seen": seen, "dropped": {"input": lost}}
