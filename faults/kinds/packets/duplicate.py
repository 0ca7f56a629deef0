"""Duplicate: a share of the node's packets leaves twice.

Rules of nft send the copy on its way behind the packet, before anything else is done to either.
netem could do it, too, but kernels refuse that beside other netems.
"""

from collections.abc import Mapping
from typing import ClassVar

from faults.host.flow_table import Chain, Flows
from faults.kinds.shaping import nft_way
from faults.kinds.shaping.shape import ALL_PPM, Share, Way
from faults.kinds.shaping.shaper import Shaper
from faults.model.fault import HostContext, addresses


class Duplicate(Shaper, frozen=True, kw_only=True, tag="duplicate"):
    """Send share_ppm of the packets to peers twice; no seed steers the kernel's draw."""

    tried_by: ClassVar[tuple[tuple[str, str], ...]] = (
        ("duplicate", "for f in ip ip6; do nft \"add table $f d; add chain $f d c; add rule $f d c"
         " numgen random mod 1000000 < 300000 counter dup to $f daddr\"; done"),
    )  # fmt: skip
    share_ppm: Share

    def way(self, _context: HostContext) -> Way:
        """Return the only way there is."""
        return "nft"

    def tables(self, context: HostContext) -> Mapping[str, Flows]:
        """Return what leaves for the peers: a table a family, as a copy is sent by one."""
        found = {}
        for family, own in zip(("ip", "ip6"), addresses(self.senders), strict=True):
            verdict = (
                f"numgen random mod {ALL_PPM} < {self.share_ppm} counter dup to {family} daddr"
            )
            chain = Chain(hook="output", set_name="twice", side="daddr", verdict=verdict)
            if own:
                flows = Flows(port=self.node_port, chains=(chain,), members={"twice": own})
                found[context.table_of(family)] = flows
        return found

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return the packets that left, copies included, and those of them that were copied."""
        seen, twice = nft_way.rules(self, context).counted("output")
        return {"seen": seen, "twice": twice}
