"""What was seen of nodes that were restarted or killed in a loop, and of hosts that booted."""

from typing import Any

from metrics.fault_checks import fault_records, outages
from metrics.fault_checks.fault_check import AS_ASKED, FaultCheck, Found
from metrics.fault_checks.probe_bursts import MARGIN_NS, Burst
from metrics.intake.trial import SLOT_DUE, TrialData
from metrics.model.plan import PlannedFault

AMISS_SHARE = 0.2
"""So much fewer or more deaths than asked, or one, are no fault of another kind."""
BACK_NS = 10_000_000_000
"""How long after the end of a crash loop its node's last start may come."""


def restart(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return how long each target was down, from its last word to its first, and how many blocks
    it did not have any more. Wrong is a node that did not say that it stopped.
    """
    down: dict[str, float] = {}
    lost: dict[str, int] = {}
    wrong: list[str] = []
    started = outages.starts_of(data, fault)
    for host in fault.targets:
        back_s = started.get(host, {}).get("t_s", float("inf"))
        stops = [
            event.t_ns / 1e9
            for event in data.events("stopped")
            if event.host == host and event.node == host
            and fault.at_ns - MARGIN_NS <= event.t_ns <= back_s * 1e9
        ]  # fmt: skip
        if not stops or host not in started:
            word = "say that it stopped" if not stops else "start again"
            wrong.append(f"{host}'s node did not {word}")
            continue
        heads = [e.head_num for e in data.events("slot_due", SLOT_DUE)
                 if e.host == host and e.t_ns / 1e9 <= stops[0]]  # fmt: skip
        down[host] = round(back_s - stops[0], 3)
        lost[host] = max(0, max(heads, default=0) - started[host]["head"])
    measured = {"down_s": down, "lost_blocks": lost, "resumed": started}
    return measured | ({} if wrong else {"judged": AS_ASKED}), "; ".join(wrong)


def crash_loop(data: TrialData, fault: PlannedFault, _: list[Burst]) -> Found:
    """Return how often each target was started, and killed as its agent counted, beside how often
    it should have been.
    """
    every_ns = int(fault.asked["every_ns"])
    asked = -(-(min(fault.end_ns, data.end_ns) - fault.at_ns) // every_ns)
    starts = {
        host: sum(
            event.host == host and event.role == "node"
            and fault.at_ns < event.t_ns < fault.end_ns + BACK_NS
            for event in data.events("started", outages.STARTED)
        )
        for host in fault.targets
    }  # fmt: skip
    told = fault_records.last_read_back(data, fault, "healed")
    kills = {host: int(found["kills"]) for host, found in told.items() if "kills" in found}
    measured = {"asked_times": asked, "started_times": starts, "killed_times": kills}
    most = max(1.0, asked * AMISS_SHARE)
    wrong = [
        f"{host}'s node was {word} {times} times, and not {asked}"
        for word, counted in (("killed", kills), ("started", starts))
        for host, times in counted.items()
        if abs(times - asked) > most
    ]
    return measured | ({} if wrong else {"judged": AS_ASKED}), "; ".join(wrong)


def reboot(data: TrialData, fault: PlannedFault, found: list[Burst]) -> Found:
    """Return how long each target was silent, as [at least, at most] s, and whether it booted.

    Simulated hosts have no boot of their own: their nodes end in order and start again.
    """
    if data.plan.simulated:
        return restart(data, fault, found)
    silent: dict[str, list[float | None]] = {}
    wrong: list[str] = []
    for host in fault.targets:
        least_ns, most_ns = outages.silence_of(data, fault, host, found)
        longest_s = None if most_ns is None else round(most_ns / 1e9, 3)
        silent[host] = [round(least_ns / 1e9, 3), longest_s]
        if not outages.booted(data, fault, host):
            wrong.append(f"{host} did not boot again")
    measured = {"silent_s": silent, "resumed": outages.starts_of(data, fault)}
    return measured | ({} if wrong else {"judged": AS_ASKED}), "; ".join(wrong)


def _words(found: dict[str, Any]) -> list[str]:
    parts = [f"{host} down for {value:.2f} s" for host, value in found.get("down_s", {}).items()]
    parts += [f"{host} lost {count} blocks" for host, count in found.get("lost_blocks", {}).items()]
    for word in ("killed", "started"):
        for host, times in found.get(f"{word}_times", {}).items():
            parts.append(f"{host}'s node {word} {times} of {found['asked_times']} times")
    for host, (least, most) in found.get("silent_s", {}).items():
        until = "s at least, not seen again" if most is None else f"to {most:.2f} s"
        parts.append(f"{host} silent for {least:.2f} {until}")
    return parts


CHECKS = (
    FaultCheck(
        kinds=("restart",),
        measure=restart,
        words=_words,
        name="Restart measured",
        formula="From the node's word that it stopped to its next start, and the blocks below "
        "its last head that it did not resume at. It must have said that it stopped.",
        left_out="Nothing.",
        assumes="A node that ends in order says so.",
    ),
    FaultCheck(
        kinds=("crash_loop",),
        measure=crash_loop,
        words=_words,
        name="Crash loop measured",
        formula="Starts that the node told and kills that its agent counted, each beside the "
        f"window divided by every; as asked: within one or {AMISS_SHARE:.0%}.",
        left_out="Kills that met no process. The simulator counts starts only.",
        assumes="A node that starts says so.",
    ),
    FaultCheck(
        kinds=("reboot",),
        measure=reboot,
        words=_words,
        name="Reboot measured",
        formula="Silence: at least from the first to the last probe it left unanswered, at most "
        "from the last sign of life before to the first after; and that the boot's id changed. "
        "In the simulator only the node ends and starts again.",
        left_out="Whether the host took less than its time to come back.",
        assumes="A host that lives answers clock probes, which nothing else disturbs.",
    ),
)
