"""Judges the network card that carries the data, and the loss between hosts.

Pure: facts of host_script.py and counts of pair_traffic.py in, rows out.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.inventory.inventory import Host
from harness.preflight.pair_traffic import PairCount
from harness.preflight.rows import LAB, Row
from harness.testbed import cards

LOSS_MAX = 0.001
_PARAVIRTUAL = ("virtio_net", "vmxnet3", "hv_netvsc", "xen_netfront", "vif", "ena")
LOST_MIN = 2
"""One packet alone is chance, however short the measurement was."""


def rows(host: Host, found: Mapping[str, Any], lab: str) -> list[Row]:
    """Return the findings on one host's data interface."""
    nic = found["nic"]
    name = nic["name"]
    if wrong := cards.problem(host, cards.read(found["cards"])):
        return [Row(host.name, "NIC", "fail", *wrong)]
    if lab == "container" and name:
        return [Row(host.name, "NIC", "ok", f"{name}, a cable inside one machine")]
    if nic["kind"] == "missing":
        return [Row(host.name, "NIC", "fail", f"/sys/class/net has no {name}", "mount /sys there")]
    if not nic["carrier"]:
        return [Row(host.name, "NIC", "fail", f"{name} has no link", "plug the cable in")]
    if nic["kind"] == "virtual":
        return [Row(host.name, "NIC", "ok", f"{name} is virtual")]
    if nic["kind"] == "wifi":
        return [_wifi(host, nic)]
    return [_speed(host, nic), *_eee(host, nic, found["machine"])]


def _wifi(host: Host, nic: Mapping[str, Any]) -> Row:
    sleepy = " with power save on: packets wait up to 100 ms" if nic["power_save"] else ""
    remedy = "use a cable for the data path"
    if sleepy:
        remedy += f"; or: iw dev {nic['name']} set power_save off (slotlab_tune: on)"
    return Row(host.name, "NIC", "warn", f"{nic['name']} is Wi-Fi{sleepy}", remedy)


def _speed(host: Host, nic: Mapping[str, Any]) -> Row:
    """Return how fast the link is, against what both of its ends say they can."""
    name, speed = nic["name"], nic["speed_mbit"]
    own, partner = _modes(nic["ethtool"], "Supported"), _modes(nic["ethtool"], "Link partner")
    best = min(max(own, default=speed), max(partner, default=speed))
    detail = f"{name} {speed} Mb/s {nic['duplex']} duplex ({nic['driver']})"
    if speed <= 0 and nic["driver"] in _PARAVIRTUAL:
        return Row(host.name, "NIC", "ok", f"{name} has no speed of its own ({nic['driver']})")
    if speed <= 0:
        detail = f"{name} says no speed ({nic['driver'] or 'no driver'})"
        return Row(host.name, "NIC", "warn", f"unknown: {detail}", f"see: ethtool {name}")
    if nic["duplex"] == "half":
        remedy = "let both ends negotiate; try another cable and switch port"
        return Row(host.name, "NIC", "fail", detail, remedy)
    if speed < best or speed < 100:
        known = f", both ends can {best}" if speed < best else ""
        return Row(host.name, "NIC", "warn", detail + known, "try another cable and switch port")
    if max(own, default=speed) > speed:
        detail += f"; the link partner can no more than {max(partner, default=speed)}"
    return Row(host.name, "NIC", "ok", detail)


def _modes(text: str, side: str) -> list[int]:
    """Return the speeds in ethtool's list of link modes of one side."""
    listing = re.search(rf"{side}.*?link modes:((?:.*\n)(?:\s+\d+base.*\n)*)", text)
    return [int(speed) for speed in re.findall(r"([0-9]{1,7})base", listing[1])] if listing else []


def _eee(host: Host, nic: Mapping[str, Any], machine: Mapping[str, Any]) -> list[Row]:
    status = re.search(r"EEE status:\s*(.*)", nic["eee"])
    if status is None:
        return []
    text = status[1].strip()
    if "enabled" not in text or "inactive" in text:
        return [Row(host.name, "EEE", "ok", text)]
    detail = f"Energy Efficient Ethernet is {text}: links may flap or lose packets"
    if machine["model"].startswith("Raspberry Pi 5"):
        detail += f" (known of the Pi 5, kernel {machine['kernel']})"
    remedy = f"ethtool --set-eee {nic['name']} eee off"
    return [Row(host.name, "EEE", "warn", detail, remedy)]


def loss_rows(
    counts: Sequence[PairCount], *, skipped: str = "", seconds: float, eee: frozenset[str]
) -> list[Row]:
    """Return the rows for what was lost between each two hosts, one way at a time.

    eee: hosts on which Energy Efficient Ethernet is active. skipped: why nothing was measured.
    """
    if skipped:
        return [Row(LAB, "baseline loss", "warn", f"not measured: {skipped}")]
    bad = []
    for count in counts:
        lost = count.sent - count.received
        if count.problem:
            bad.append(Row(count.target, "baseline loss", "fail", count.problem))
        elif not count.received:
            detail = f"nothing from {count.source} arrives on UDP port {count.port}"
            remedy = "does a firewall or a wrong slotlab_address stand between them?"
            bad.append(Row(count.target, "baseline loss", "fail", detail, remedy))
        elif lost >= LOST_MIN and lost > count.sent * LOSS_MAX:
            share = f"{lost} of {count.sent} packets from {count.source} ({lost / count.sent:.1%})"
            sleepy = ", ".join(sorted({count.source, count.target} & eee))
            remedy = "look at cables, switch and NIC counters (ip -s link)"
            remedy = f"EEE is active on {sleepy}: switch it off" if sleepy else remedy
            bad.append(Row(count.target, "baseline loss", "fail", f"lost {share}", remedy))
        bad += _way(count)
    if bad:
        return bad
    sent, got = sum(count.sent for count in counts), sum(count.received for count in counts)
    detail = f"{sent - got} of {sent} packets in {seconds:g} s, {len(counts)} directed pairs"
    return [Row(LAB, "baseline loss", "ok", detail)]


def _way(count: PairCount) -> list[Row]:
    """Return what else the nodes would miss between two hosts whose small datagrams arrive."""
    if count.problem or not count.received:
        return []
    made = []
    if count.tcp:
        detail = f"no connection from {count.source} to TCP port {count.port}: {count.tcp}"
        remedy = "does a firewall stand between them, or a program on that port?"
        made.append(Row(count.target, "TCP", "fail", detail, remedy))
    if count.large_bytes and not count.large:
        detail = f"datagrams of {count.large_bytes} bytes from {count.source} do not arrive"
        remedy = "make the MTU of all cards and switches between them alike: ip link set CARD mtu N"
        made.append(Row(count.target, "MTU", "fail", f"{detail}, small ones do", remedy))
    return made
