"""Loss: drop a share of the node's packets that arrive from some peers, drawn anew for each.

Done on arrival: the sender sees nothing, as on a bad wire. The kernel draws, unseeded; what it drew
is counted, and the report prints it beside the share asked. Packets that the kernel has merged
(receive offload) are lost together.
"""

from __future__ import annotations

from faults.host.flow_table import Chain
from faults.host.nft_readback import counted
from faults.kinds.table_fault import TableFault
from faults.model.fault import HostContext, Touched, addresses, check_port

ALL_PPM = 1_000_000
LOSSY = "lossy"


class Loss(TableFault, frozen=True, kw_only=True, tag="loss"):
    """Drop share_ppm of the packets from sources; seed names the draw but cannot steer the
    kernel's.
    """

    sources: list[str]
    share_ppm: int
    node_port: int
    seed: int = 0

    def __post_init__(self) -> None:
        TableFault.__post_init__(self)
        addresses(self.sources)
        if not 0 < self.share_ppm <= ALL_PPM:
            raise ValueError("share_ppm is outside 1..1000000")
        check_port(self.node_port)

    def touched(self) -> Touched:
        """Return the node's port and the peers named."""
        return Touched(node_port=self.node_port, peers=self.sources)

    def port(self) -> int:
        """Return the node's port."""
        return self.node_port

    def chains(self) -> tuple[Chain, ...]:
        """Return the chain that draws for each packet."""
        verdict = f"numgen random mod {ALL_PPM} < {self.share_ppm} counter drop"
        if self.share_ppm == ALL_PPM:
            verdict = "counter drop"
        return (Chain(hook="input", set_name=LOSSY, verdict=verdict),)

    def members(self) -> dict[str, list[str]]:
        """Return the addresses by set of the table."""
        return {LOSSY: self.sources}

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return the packets that arrived, and those of them that were dropped."""
        seen, lost = counted(context.table).get("input", (0, 0))
        return {"seen": seen, "dropped": {"input": lost}}
