"""How a fault is done in a lab, or why it cannot be: from what hosts and provider are able to do.

Pure. The words returned are those that journals and reports print.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from harness.campaign.fault_spec import PROVIDER_FAULTS, SIM_ONLY_FAULTS
from metrics.model.plan import SIM, PlannedFault, PlannedHost

Capabilities = Mapping[str, Mapping[str, bool]]
"""The lab without hosts, and how every fault is done there."""

POWER_WORDS = {
    "power_cut": ("off", "on", "state"),
    "freeze_host": ("freeze", "thaw", "state"),
    "link_down": ("link_down", "link_up", "state"),
}
"""What slotlab_power of a host must have for each provider fault."""

_WAYS = {
    "partition": ("nft", "nft"),
    "cut": ("nft", "nft"),
    "loss": ("nft", "loss"),
    "kill": ("signal", "systemd"),
    "pause": ("signal", "systemd"),
    "ntp_offset": ("ntp relay", "ntp_relay"),
    "ntp_cut": ("nft", "nft"),
}
"""By fault: the word for how it is done, and the capability a host needs for it."""
_CLOCKS = {
    "process": ("process clock", ""),
    "host": ("host clock", "clock_host"),
    "daemon": ("daemon clock", "clock_daemon"),
}
_REMEDIES = {
    "nft": "apt install nftables, or use a kernel with nf_tables",
    "loss": "use a kernel with nft_numgen",
    "systemd": "boot it with systemd",
    "ntp_relay": "use a kernel with nft_nat and nft_redir",
    "clock_host": "use hardware or vm hosts, or level: process (containers share a clock)",
    "clock_daemon": "install chrony there, or use level: host or process",
}


def mechanism(
    fault: PlannedFault,
    targets: Sequence[PlannedHost],
    *,
    lab: str,
    capabilities: Capabilities | None,
) -> str:
    """Return what will do the fault on its targets, or `unsupported here: ...` with the reason.

    capabilities None: the hosts were not asked yet, so that only what the inventory says counts.
    """
    if lab == SIM:
        return SIM
    if fault.fault in SIM_ONLY_FAULTS:
        return f"unsupported here: {fault.fault} exists in the simulator only; run with --lab sim"
    if fault.fault in PROVIDER_FAULTS:
        return _of_provider(fault, targets)
    if fault.fault in ("ntp_offset", "ntp_cut") and (problem := _time_servers(targets)):
        return f"unsupported here: {fault.fault}: {problem}"
    if fault.fault == "delay":
        return _of_delay([host.host for host in targets], capabilities)
    level = fault.asked.get("level")
    how, need = _CLOCKS[level] if level else _WAYS[fault.fault]
    for host in targets:
        if need and capabilities is not None and not capabilities[host.host].get(need):
            what = f"{fault.fault} (level: {level})" if level else fault.fault
            problem = f"{what} needs {need}, which {host.host} lacks"
            return f"unsupported here: {problem}; {_REMEDIES[need]}"
    return how


def _time_servers(targets: Sequence[PlannedHost]) -> str:
    for host in targets:
        if not host.ntp:
            return f"{host.host} has no time server; set slotlab_ntp"
        for server in host.ntp:
            try:
                ipaddress.ip_address(server)
            except ValueError:
                problem = f"slotlab_ntp of {host.host} has {server}"
                return f"{problem}; write its IP address alone: lies are told on port 123"
    return ""


def _of_provider(fault: PlannedFault, targets: Sequence[PlannedHost]) -> str:
    for host in targets:
        for word in POWER_WORDS[fault.fault]:
            if word not in host.power:
                return (
                    f"unsupported here: {fault.fault} on {host.host} needs the key"
                    f" {word} in its slotlab_power; add the command that does it"
                )
    return "provider"


def _of_delay(hosts: Sequence[str], capabilities: Capabilities | None) -> str:
    """One way for the whole lab, so that each direction is delayed once; netem where all can.

    A qdisc of somebody else on a data interface is left alone: then the queue does it.
    """
    if capabilities is None:
        return "netem or queue"
    able = [capabilities[host] for host in hosts]
    if all(each.get("netem") and not each.get("foreign_qdisc") for each in able):
        return "netem"
    lacking = [host for host in hosts if not capabilities[host].get("nfqueue")]
    if lacking:
        return (
            f"unsupported here: delay needs sch_netem or NFQUEUE, {', '.join(lacking)} have"
            " neither (netem also yields to a qdisc of yours); load the kernel module"
        )
    return "queue"
