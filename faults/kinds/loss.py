"""Loss: drop a share of the node's packets that arrive from some peers, drawn anew for each.

Done on arrival: the sender sees nothing, as on a bad wire. The kernel draws, unseeded; what it drew
is counted, and the report prints it beside the share asked. Packets that the kernel has merged
(receive offload) are lost together.
"""

from __future__ import annotations

from faults.host import flow_table
from faults.host.flow_table import Chain
from faults.model.fault import Fault, HostContext, Recipe, addresses, needs

ALL_PPM = 1_000_000
LOSSY = "lossy"


class Loss(Fault, frozen=True, kw_only=True, tag="loss"):
    """Drop share_ppm of the packets from sources; seed names the draw but cannot steer the
    kernel's.
    """

    sources: list[str]
    share_ppm: int
    node_port: int
    seed: int = 0

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        addresses(self.sources)
        if not 0 < self.share_ppm <= ALL_PPM:
            raise ValueError("share_ppm is outside 1..1000000")
        if not 0 < self.node_port < 65536:
            raise ValueError("node_port is outside 1..65535")

    def kind(self) -> str:
        """Return the fault's word."""
        return "loss"

    def lasts_ns(self) -> int | None:
        """Return the length asked."""
        return self.for_ns

    def members(self) -> dict[str, list[str]]:
        """Return the addresses by set of the table."""
        return {LOSSY: self.sources}

    def check(self, context: HostContext) -> None:
        """Raise FaultError unless the kernel can draw per packet here."""
        needs(context, "nft", "loss")

    def recipe(self, context: HostContext) -> Recipe:
        """Return: table with empty sets; one transaction of elements; flush; delete the table."""
        verdict = f"numgen random mod {ALL_PPM} < {self.share_ppm} counter drop"
        if self.share_ppm == ALL_PPM:
            verdict = "counter drop"
        chain = Chain(hook="input", set_name=LOSSY, verdict=verdict)
        return Recipe(
            how="nft",
            prepare=(flow_table.define(context.table, self.node_port, (chain,)),),
            inject=flow_table.fill(context.table, self.members(), self.for_ns or 0),
            release=(flow_table.empty(context.table, self.members()),),
            remove=(flow_table.drop(context.table),),
        )
