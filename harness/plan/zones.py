"""Which zone each host stands in, and what holds the zones apart. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from harness.campaign.campaign_file import CampaignFile, Cell
from harness.campaign.zones_spec import Matrix, ZonesSpec
from harness.errors import PlanError, nearest
from harness.inventory.names import SELECTOR_WORDS
from harness.plan.fault_support import Capabilities, mechanism
from metrics.model.plan import PlannedHost
from metrics.model.standing import standing
from metrics.model.zones import Dealt, PlannedZones

Groups = Mapping[str, Sequence[str]]


def of_cell(
    file: CampaignFile,
    cell: Cell,
    hosts: Sequence[PlannedHost],
    *,
    lab: str,
    capabilities: Capabilities | None,
) -> PlannedZones | None:
    """Return the zones of a cell's hosts and what will hold them apart, None where it has none.

    Raises:
        PlanError: a host stands nowhere, or the lab cannot do it.
    """
    spec, where = cell.campaign.zones, f"{file.path.name}: zones"
    if spec is None:
        return None
    matrix = file.matrices[spec.matrix]
    losses = file.matrices[spec.losses] if spec.losses else None
    dealt, stand = _stand(spec, matrix, hosts, where)
    for zone in losses.zones if losses else ():
        if zone not in matrix.zones:
            known = nearest(zone, matrix.zones)
            raise PlanError(f"{where}.losses: {matrix.name} has no zone {zone}; {known}")
    zones = PlannedZones(
        matrix=matrix.name, losses=losses.name if losses else "",
        source=" ".join(each.source for each in (matrix, losses) if each and each.source),
        dealt=dealt, hosts=stand, rtt_ns=_inside(matrix, stand),
        loss_ppm=_inside(losses, stand) if losses else {},
    )  # fmt: skip
    fault = standing(zones, end_ns=1)
    if not fault.pairs:
        raise PlanError(f"{where}: {matrix.name} says of no two hosts how far apart they are")
    acting = [host for host in hosts if host.host in fault.acting]
    how = mechanism(fault, acting, lab=lab, capabilities=capabilities)
    if how.startswith("unsupported"):
        raise PlanError(f"{where}: {how}")
    return msgspec.structs.replace(zones, how=how)


def _inside(matrix: Matrix, stand: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Return what a matrix says of the zones that hosts stand in."""
    rows = matrix.between.items()
    return {zone: dict(row) for zone, row in rows if zone in stand.values()}


def with_groups(zones: PlannedZones | None, known: Groups, file: str) -> Groups:
    """Return the groups that a timeline may name: those of the lab, and each zone's hosts.

    Raises:
        PlanError: a zone is called like something else.
    """
    inside: dict[str, list[str]] = {}
    for host, zone in zones.hosts.items() if zones else ():
        inside.setdefault(zone, []).append(host)
    for zone, members in inside.items():
        alike = sorted(known.get(zone, members)) == sorted(members)
        if zones and (zone in SELECTOR_WORDS or zone in zones.hosts or not alike):
            problem = f"{zone} is a zone, and a host, a group of others or a selector as well"
            raise PlanError(f"{file}: zones.matrix: {problem}; rename it in a copy of the file")
    return {**known, **inside}


def _stand(
    spec: ZonesSpec, matrix: Matrix, hosts: Sequence[PlannedHost], where: str
) -> tuple[Dealt, dict[str, str]]:
    """Return the zone of each host, and who says so."""
    names = [host.host for host in hosts]
    told: Mapping[str, str] = spec.hosts
    dealt: Dealt = "by the campaign"
    if not spec.hosts:
        told = {host.host: host.zone for host in hosts if host.zone}
        dealt = "by the inventory"
    if not told:
        return "in order", {n: matrix.zones[i % len(matrix.zones)] for i, n in enumerate(names)}
    for host in told:
        if host not in names:
            raise PlanError(f"{where}.hosts: no host {host} in the lab; {nearest(host, names)}")
    for host in names:
        if host not in told:
            remedy = "write all in zones.hosts" if dealt == "by the inventory" else "add it"
            raise PlanError(f"{where}.hosts: {host} stands in no zone {dealt}; {remedy}")
        if told[host] not in matrix.between:
            stands = f"{host} stands in {told[host]} {dealt}, which {matrix.name} does not have"
            known = nearest(told[host], matrix.zones)
            raise PlanError(f"{where}.hosts: {stands}; {known}")
    return dealt, {host: told[host] for host in names}
