"""What holds zones apart, told as the fault that their hosts are armed with."""

from metrics.model.plan import PlannedFault
from metrics.model.zones import PlannedZones

ZONES = "zones"
"""Its id; no fault of a timeline is called so."""


def standing(zones: PlannedZones, *, end_ns: int) -> PlannedFault:
    """Return the delays and losses between zones in a trial that ends then.

    They are in force from T0 to the end and belong to no phase: whatever else is done to the lab is
    done on top of them.
    """
    pairs = list(zones.pairs())
    apart = {host for pair in pairs for host in pair}
    return PlannedFault(
        id=ZONES, fault="delay", at_ns=0, end_ns=end_ns, for_ns=end_ns, how=zones.how, pairs=pairs,
        targets=[host for host in zones.hosts if host in apart],
        asked={"matrix": zones.matrix} | ({"losses": zones.losses} if zones.losses else {}),
    )  # fmt: skip
