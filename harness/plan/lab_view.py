"""A lab as a plan sees it before any host is asked: of an inventory, or of the simulator."""

from harness.campaign.campaign_file import CampaignFile
from harness.inventory.inventory import Inventory
from harness.plan.planner import LabView
from metrics.model.plan import SIM, PlannedHost


def of_inventory(inventory: Inventory) -> LabView:
    """Return the lab as the inventory alone describes it; no host is contacted."""
    return LabView(
        lab=inventory.lab,
        hosts=tuple(
            PlannedHost(
                host=host.name,
                address=host.address,
                interface=host.interface,
                zone=host.zone,
                node_port=host.node_port,
                probe_port=host.probe_port,
                ntp=list(host.ntp),
                management=host.ssh.address,
                ssh_port=host.ssh.port,
                power=sorted(host.power),
                observer=host.observer,
            )
            for host in inventory.hosts
        ),
        groups=groups(inventory),
    )


def groups(inventory: Inventory) -> dict[str, list[str]]:
    """Return hosts by inventory group and by zone."""
    found: dict[str, list[str]] = {}
    for host in inventory.hosts:
        for name in dict.fromkeys((*host.groups, *([host.zone] if host.zone else []))):
            found.setdefault(name, []).append(host.name)
    return found


def simulated(file: CampaignFile) -> LabView:
    """Return the hosts a campaign runs on in the simulator: n1, n2, ... one a producer.

    Where the campaign assigns producers to hosts, those hosts.
    """
    chain = file.common.chain
    names = list(chain.assign) or [f"n{i}" for i in range(1, chain.producers + 1)]
    hosts = tuple(
        PlannedHost(
            host=name, address=f"192.0.2.{number}", interface="sim", zone="", node_port=9000,
            probe_port=9001,
        )
        for number, name in enumerate(names, start=1)
    )  # fmt: skip
    return LabView(lab=SIM, hosts=hosts, groups={})
