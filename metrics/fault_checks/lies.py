"""What was seen of nodes that were made to lie: what they said, and what others had of them."""

from collections import defaultdict
from typing import Any

from metrics.fault_checks.fault_check import AS_ASKED, FaultCheck, Found
from metrics.fault_checks.probe_bursts import MARGIN_NS, Burst
from metrics.intake.trial import TrialData
from metrics.measure.blocks import RECEIVED
from metrics.model.plan import PlannedFault

REJECTED = "what from"


def lies(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return from when until when each target said that it lies, how many slots of its producers
    others received two blocks or more of, and how many blocks of its they refused, meanwhile.
    Wrong is a node that did not say so.
    """
    until_ns = fault.end_ns + MARGIN_NS
    spans = {host: _span(data, fault, host) for host in fault.targets}
    told = {host: span for host, span in spans.items() if span}
    measured: dict[str, Any] = {
        "lied_s": told, "signed_twice": _signed_twice(data, fault, until_ns),
        "refused": _refused(data, fault, until_ns),
    }  # fmt: skip
    silent = sorted(set(fault.targets) - told.keys())
    wrong = "; ".join(f"{host}'s node did not say that it lies" for host in silent)
    return measured | ({} if wrong else {"judged": AS_ASKED}), wrong


def _span(data: TrialData, fault: PlannedFault, host: str) -> list[float | None]:
    """Return the first and the last moment, which is None where the end was not told."""
    own = [event for event in data.events("lies", "strategy")
           if event.host == host and event.t_ns >= fault.at_ns - MARGIN_NS]  # fmt: skip
    begun = [e.t_ns for e in own if e.strategy == fault.asked["strategy"]
             and e.t_ns < fault.end_ns]  # fmt: skip
    if not begun:
        return []
    ended = [e.t_ns for e in own if not e.strategy and e.t_ns > begun[0]]
    return [round(begun[0] / 1e9, 3), round(ended[0] / 1e9, 3) if ended else None]


def _signed_twice(data: TrialData, fault: PlannedFault, until_ns: int) -> dict[str, int]:
    """Return by target the slots of its producers of which others had more than one block."""
    maker = {
        name: host.host for host in data.plan.hosts if host.host in fault.targets
        for name in data.plan.producers_of(host)
    }  # fmt: skip
    ids: dict[tuple[str, int], set[str]] = defaultdict(set)
    for event in data.events("received", RECEIVED):
        of_liar = event.producer in maker and event.host not in data.planned.liars
        if of_liar and fault.at_ns <= event.t_ns < until_ns:
            ids[event.producer, event.slot].add(event.id)
    twice = [maker[producer] for (producer, _), found in ids.items() if len(found) > 1]
    return {host: twice.count(host) for host in fault.targets}


def _refused(data: TrialData, fault: PlannedFault, until_ns: int) -> dict[str, int]:
    """Return by target the blocks that came from it and that a host refused."""
    senders = [
        event.from_ for event in data.events("rejected", REJECTED)
        if event.what == "block" and fault.at_ns <= event.t_ns < until_ns
    ]  # fmt: skip
    return {host: senders.count(host) for host in fault.targets}


def _words(found: dict[str, Any]) -> list[str]:
    parts = []
    for host, (begun_s, ended_s) in found.get("lied_s", {}).items():
        until = "on" if ended_s is None else f"to {ended_s:.2f} s"
        parts.append(f"{host} said that it lies from {begun_s:.2f} s {until}")
    for host, count in found.get("signed_twice", {}).items():
        parts.append(f"others had two blocks of {count} of {host}'s slots")
    for host, count in found.get("refused", {}).items():
        parts.append(f"{count} blocks from {host} refused")
    return parts


CHECKS = (
    FaultCheck(
        kinds=("byzantine",),
        measure=lies,
        words=_words,
        name="Lies measured",
        formula="What the node said of itself; slots of its producers of which correct hosts "
        "received more than one block, and blocks from it that hosts refused, until "
        f"{MARGIN_NS / 1e9:g} s after the end. As asked: it said that it lies by that strategy.",
        left_out="What a lie leaves out: blocks never sent, transactions never passed on.",
        assumes="A node that was told to lie says so; keys sign on one host.",
    ),
)
