"""What the host itself says about a fault: read back after applying, counted before removing."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from faults.catalog import AnyFault
from faults.clock import ClockStep, read_skew
from faults.delay import Delay
from faults.fault import Place, addresses
from faults.netem import netem_handle
from faults.partition import SETS, Partition
from faults.process import Kill
from faults.runner import output

QUEUES_FILE = Path("/proc/net/netfilter/nfnetlink_queue")
DEAD = ("failed", "inactive", "deactivating")
REAP_DEADLINE_S = 0.5
REAP_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Evidence:
    """installed: read back as asked; indeterminate: the host shows something else, reason says
    what.
    """

    state: Literal["installed", "indeterminate"]
    data: dict[str, object]
    reason: str = ""


def read_back(fault: AnyFault, place: Place) -> Evidence:
    """Return what the host shows of a fault that was just applied."""
    match fault:
        case Partition():
            data = _table(place.table)
            want = sum(len(group) for side in (fault.blocked_in, fault.blocked_out)
                       for group in addresses(side))  # fmt: skip
            have = len(_elements(data))
            return _verdict(have == want, data, f"{have} of {want} elements in force")
        case Delay():
            return _delay(fault, place)
        case ClockStep():
            skew = read_skew(place.skew_file)
            right = (skew.offset_ns, skew.drift_ppb) == (fault.by_ns, fault.drift_ppb)
            return _verdict(right, {"skew": msgspec.to_builtins(skew)}, "the skew file differs")
        case Kill():
            unit = _after_kill(fault.unit)
            dead = unit.get("ActiveState") in DEAD
            return _verdict(dead, {"unit": unit}, "the unit still runs")


def _after_kill(unit: str) -> dict[str, str]:
    """The unit's state once systemd has reaped the killed process, in its own time."""
    until = time.monotonic() + REAP_DEADLINE_S
    state = unit_state(unit)
    while state.get("ActiveState") not in DEAD and time.monotonic() < until:
        time.sleep(REAP_POLL_S)
        state = unit_state(unit)
    return state


def counters(fault: AnyFault, place: Place) -> dict[str, object]:
    """Return what the fault did so far: packets dropped or held; also after its effect has
    ended.
    """
    match fault:
        case Partition():
            return {"dropped": _packets(_nft("table", "inet", place.table))}
        case Delay() if fault.way(place) == "netem":
            return {"qdisc": _own_qdiscs(fault.interface, place.token)}
        case Delay():
            return {"queue": _queue(place.queue_num), "delayer": _stats(place)}
        case ClockStep():
            return {"skew": msgspec.to_builtins(read_skew(place.skew_file))}
        case Kill():
            return {"unit": unit_state(fault.unit)}


def ended_early(fault: AnyFault, place: Place) -> str:
    """Return why a fault about to be healed is no longer in force, "" when it is.

    Only what a glance tells: the kernel itself may have ended a partition a moment ago, and a
    killed unit is started by nobody else.
    """
    match fault:
        case ClockStep():
            skew = read_skew(place.skew_file)
            right = (skew.offset_ns, skew.drift_ppb) == (fault.by_ns, fault.drift_ppb)
            return "" if right else "the skew file was changed"
        case Delay() if fault.way(place) == "netem":
            return "" if _own_qdiscs(fault.interface, place.token) else "the qdisc was gone"
        case Delay():
            return "" if _queue(place.queue_num) else "the delayer had ended"
        case Partition() | Kill():
            return ""


def left_over(fault: AnyFault, place: Place) -> str:
    """Return what of a healed fault is still there, "" when nothing is."""
    match fault:
        case Partition():
            return f"table {place.table}" if _nft("table", "inet", place.table) else ""
        case Delay() if fault.way(place) == "netem":
            return "qdisc" if _own_qdiscs(fault.interface, place.token) else ""
        case Delay():
            own = place.token in output(("nft", "list", "ruleset"))[1]
            queue = bool(_queue(place.queue_num))
            return " ".join(["rules"] * own + ["delayer"] * queue)
        case ClockStep():
            skew = read_skew(place.skew_file)
            return "skew" if skew.offset_ns or skew.drift_ppb else ""
        case Kill():
            return ""


def unit_state(unit: str) -> dict[str, str]:
    """Return ActiveState, SubState, MainPID and Result of a systemd unit; {} without systemd."""
    names = "ActiveState,SubState,MainPID,Result,NRestarts"
    code, text, _ = output(("systemctl", "show", f"--property={names}", unit))
    pairs = (line.partition("=") for line in text.splitlines()) if code == 0 else ()
    return {key: value for key, _, value in pairs}


def queue_numbers() -> set[int]:
    """Return the packet queues somebody has bound."""
    try:
        lines = QUEUES_FILE.read_text().splitlines()
    except OSError:
        return set()
    return {int(line.split()[0]) for line in lines if line.split()}


def root_qdisc(interface: str) -> tuple[str, str]:
    """Return kind and handle of an interface's root qdisc; ("", "") when it cannot be read."""
    for each in qdiscs(interface):
        if each.get("root"):
            return str(each.get("kind", "")), str(each.get("handle", ""))
    return "", ""


def qdiscs(interface: str, *, stats: bool = False) -> list[dict[str, Any]]:
    """Return an interface's qdiscs as tc prints them."""
    words = ("tc", *(("-s",) if stats else ()), "-j", "qdisc", "show", "dev", interface)
    code, text, _ = output(words)
    return _json_list(text) if code == 0 else []


def _verdict(right: bool, data: dict[str, object], reason: str) -> Evidence:
    return Evidence("installed", data) if right else Evidence("indeterminate", data, reason)


def _delay(fault: Delay, place: Place) -> Evidence:
    if fault.way(place) == "netem":
        own = _own_qdiscs(fault.interface, place.token)
        return _verdict(any(q.get("kind") == "netem" for q in own), {"qdisc": own}, "no netem")
    queue = _queue(place.queue_num)
    data: dict[str, object] = {"queue": queue, "queue_num": place.queue_num}
    return _verdict(bool(queue), data, "no delayer holds the queue")


def _table(name: str) -> dict[str, object]:
    found = _nft("table", "inet", name)
    sets = {
        each["set"]["name"]: [e.get("elem", {}) for e in each["set"].get("elem", [])]
        for each in found
        if "set" in each and each["set"]["name"] in SETS
    }
    return {"sets": sets, "dropped": _packets(found)}


def _elements(data: dict[str, object]) -> list[object]:
    sets = data["sets"]
    assert isinstance(sets, dict)
    return [element for group in sets.values() for element in group]


def _packets(found: list[dict[str, Any]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in found:
        rule = each.get("rule", {})
        for part in rule.get("expr", []):
            if "counter" in part:
                chain = rule["chain"]
                total[chain] = total.get(chain, 0) + int(part["counter"]["packets"])
    return total


def _nft(*words: str) -> list[dict[str, Any]]:
    code, text, _ = output(("nft", "-j", "list", *words))
    if code or not text.strip():
        return []
    found = json.loads(text).get("nftables", [])
    return [each for each in found if "metainfo" not in each]


def _own_qdiscs(interface: str, token: str) -> list[dict[str, Any]]:
    own = netem_handle(token)
    kind, handle = root_qdisc(interface)
    return qdiscs(interface, stats=True) if (kind, handle) == ("prio", f"{own}:") else []


def _queue(queue_num: int) -> dict[str, object]:
    """Return the kernel's figures of a bound queue, {} when nobody holds it."""
    try:
        rows = [line.split() for line in QUEUES_FILE.read_text().splitlines()]
    except OSError:
        return {}
    for row in rows:
        if len(row) >= 8 and int(row[0]) == queue_num:
            names = ("waiting", "queue_dropped", "user_dropped", "packets")
            return dict(
                zip(names, (int(row[2]), int(row[5]), int(row[6]), int(row[7])), strict=True)
            )
    return {}


def _stats(place: Place) -> dict[str, object]:
    try:
        data = json.loads((place.run_dir / f"delay-{place.token}.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _json_list(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return []
    return [each for each in found if isinstance(each, dict)]
