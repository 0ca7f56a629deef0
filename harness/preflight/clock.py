"""Judges one host's clock: its source, the daemon that keeps it, the date, and NTP servers.

Pure: facts of host_script.py in, rows out. A plan that moves a clock which somebody else sets, whom
nobody can hold, is refused here: its agent would refuse to arm it.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from harness.errors import PlanError
from harness.inventory.inventory import Host
from harness.preflight.rows import LAB, Finding, Row, Verdict
from metrics.model.plan import Plan
from node.timing.ntp_rules import bound_ns, unsynchronised

COARSE = ("jiffies", "refined-jiffies", "acpi_pm", "hpet", "pit")
DATE_OFF_NS_MAX = 60_000_000_000
"""Beyond it, it is not the clock that is off but the date."""
ODD_HOSTS_MIN = 2
"""So many must agree before it is the controller whose date is wrong."""
_MEASURE_ONLY = ("ptp4l", "timemaster")
"""They give another daemon something to follow; two with a hand on the clock fight."""
_ANSWER = {"offset_ns", "delay_ns", "root_ns", "leap", "stratum"}
LOCAL_REFERENCE = "7F7F0101"


class Controller(NamedTuple):
    """The controller's wall clock before and after the host was asked."""

    before_ns: int
    after_ns: int

    def off_ns(self, wall_ns: int) -> int:
        """Return how far a host's clock was ahead of it, nothing within the time of asking."""
        return min(0, wall_ns - self.before_ns) or max(0, wall_ns - self.after_ns)

    def moved(self, by_ns: int) -> "Controller":
        """Return one whose clock is so much ahead of this one's."""
        return Controller(self.before_ns + by_ns, self.after_ns + by_ns)


def odd_one_out(found: Mapping[str, Mapping[str, Any]], controller: Controller) -> int:
    """Return how far all hosts are ahead of the controller, 0 unless it is alone with its date.

    Then its clock was stepped, not theirs: who keeps them time is another finding.
    """
    offs = [controller.off_ns(each["clock"]["wall_ns"]) for each in found.values()]
    if len(offs) < ODD_HOSTS_MIN or max(offs) - min(offs) > DATE_OFF_NS_MAX:
        return 0
    off_ns = sorted(offs)[len(offs) // 2]
    return off_ns if abs(off_ns) > DATE_OFF_NS_MAX else 0


def controller_row(off_ns: int) -> list[Row]:
    """Return what is said of a controller that all hosts are so far ahead of."""
    if not off_ns:
        return []
    way = "behind" if off_ns > 0 else "ahead of"
    detail = f"this controller is {_long(abs(off_ns))} {way} its hosts, which agree"
    remedy = "timedatectl set-ntp true here; no trial stands on its clock"
    return [Row(LAB, "controller's date", "warn", detail, remedy)]


def rows(
    host: Host, found: Mapping[str, Any], lab: str, *, limit_ns: int, controller: Controller
) -> list[Row]:
    """Return the findings on one host's clock; limit_ns is how far off a node may produce."""
    clock = found["clock"]
    judged = {"clock source": _source(clock["source"]), "date": _date(clock, controller)}
    for server in dict.fromkeys((*found["ntp"], *host.ntp)):
        judged[f"clock by {server}"] = _server(found["ntp"].get(server, {}), limit_ns)
    if not found["ntp"] and not host.ntp:
        remedy = "set slotlab_ntp to servers of your own network"
        judged["clock"] = Finding("warn", "no slotlab_ntp: nothing to check by", remedy)
    if lab == "container":
        judged["clock daemon"] = Finding("ok", "none: the clock is the controller's")
    else:
        judged["clock daemon"] = _daemon(found, limit_ns)
        judged["clock faults"] = _setters(found)
    return [Row(host.name, check, *finding) for check, finding in judged.items()]


def _source(source: str) -> Finding:
    if not source:
        return Finding("warn", "unknown")
    if source in COARSE:
        remedy = "use tsc or arch_sys_counter; see /sys/devices/system/clocksource"
        return Finding("warn", f"{source} is slow or coarse", remedy)
    return Finding("ok", source)


def _date(clock: Mapping[str, Any], controller: Controller) -> Finding:
    """Return whether the date is right, as a machine without battery may think it is last year."""
    off_ns = controller.off_ns(clock["wall_ns"])
    if abs(off_ns) > DATE_OFF_NS_MAX:
        battery = "" if clock["rtc"] else "; no RTC: it is wrong after each boot until NTP answers"
        way = "behind" if off_ns < 0 else "ahead of"
        detail = f"wrong date: {_long(abs(off_ns))} {way} the controller{battery}"
        remedy = "timedatectl set-ntp true, or date -s; check this controller, too"
        return Finding("fail", detail, remedy)
    return Finding("ok", "right" if clock["rtc"] else "right, by NTP alone (no RTC)")


def _daemon(found: Mapping[str, Any], limit_ns: int) -> Finding:
    clock = found["clock"]
    daemons = [unit.partition(".service")[0] for unit in clock["daemons"] or ()]
    rivals = [daemon for daemon in daemons if not daemon.startswith(_MEASURE_ONLY)]
    if len(rivals) > 1:
        remedy = f"systemctl disable --now {rivals[-1]}: two daemons fight over one clock"
        return Finding("fail", f"{' and '.join(rivals)} are active", remedy)
    said = chrony_bound_ns(clock["chrony"])
    if said is not None:
        offset_ns, bound_ns = said
        detail = f"chrony: {offset_ns / 1e6:+.2f} ms ± {bound_ns / 1e6:.2f} ms"
        if abs(offset_ns) + bound_ns <= limit_ns:
            return Finding("ok", detail)
        remedy = f"wait, or: chronyc makestep; it must be under {limit_ns // 1_000_000} ms"
        return Finding("fail", f"unsynchronised clock: {detail}", remedy)
    if follows_itself(clock["chrony"]):
        remedy = "give chrony a server (slotlab_time: manage does), and take `local` from its file"
        detail = "unsynchronised clock: chrony follows no source but its own clock"
        return Finding("fail", detail, remedy)
    kernel = clock["kernel"]
    if kernel is None:
        remedy = "timedatectl on the host says whether its clock is synchronised"
        return Finding("warn", "unknown: the kernel does not tell", remedy)
    if kernel["synchronised"]:
        seen = [*daemons, *(clock["others"] or ())]
        bound = f"within {kernel['error_max_ns'] / 1e6:.0f} ms"
        if seen:
            return Finding("ok", f"synchronised by {seen[0]}, {bound}")
        remedy = "find out who does: timedatectl, systemctl list-timers"
        return Finding("warn", f"synchronised by nobody that is seen, {bound}", remedy)
    keeper = f"{daemons[0]} has not synchronised it" if daemons else "no daemon keeps it"
    remedy = "timedatectl set-ntp true, or apt install chrony, or slotlab_time: manage"
    verdict: Verdict = "warn" if found["ntp"] else "fail"
    return Finding(verdict, f"unsynchronised clock: {keeper}", remedy)


def _setters(found: Mapping[str, Any]) -> Finding:
    """Return whether a clock fault of the host would have the clock for itself."""
    others = found["clock"]["others"]
    if others is None:
        remedy = "without that, clock faults of level host and daemon may be refused"
        return Finding("warn", "unknown: who sets the clock was not found", remedy)
    if others:
        remedy = "stop it for clock faults of level host or daemon, which are refused until then"
        return Finding("warn", f"also sets this clock: {'; '.join(others)}", remedy)
    if not found["features"]["sudo"]:
        return Finding("warn", "unknown without sudo")
    return Finding("ok", "nobody sets the clock who cannot be held")


def chrony_bound_ns(tracking: str) -> tuple[int, int] | None:
    """Return offset and bound from a line of `chronyc -c tracking`, None if it is not in sync.

    Fields (chronyc(1), tracking): 5th system time, 11th root delay, 12th root dispersion, in
    seconds; 14th leap status.
    """
    fields = tracking.split(",")
    if len(fields) != 14 or fields[13] == "Not synchronised" or follows_itself(tracking):
        return None
    try:
        offset, delay, dispersion = (float(fields[n]) for n in (4, 10, 11))
        return round(offset * 1e9), round((dispersion + delay / 2) * 1e9)
    except (ValueError, OverflowError):
        return None


def follows_itself(tracking: str) -> bool:
    """Return whether a line of `chronyc -c tracking` names the host's own clock as its reference.

    That is the address 127.127.1.1 in hex, which chrony has from its directive `local`.
    """
    return tracking.split(",")[0].upper() == LOCAL_REFERENCE


def _server(answer: Mapping[str, Any], limit_ns: int) -> Finding:
    unsaid = "" if answer.keys() >= _ANSWER else "its answer was not told whole"
    if problem := answer.get("problem") or unsaid:
        remedy = "is it running, is its UDP port open? else change slotlab_ntp"
        return Finding("fail", f"NTP server unreachable: {problem}", remedy)
    if problem := unsynchronised(answer["leap"], answer["stratum"]):
        detail = f"the server says that it has no good time: {problem}"
        return Finding("fail", detail, "give it a source, or change slotlab_ntp")
    offset_ns, limit_ms = answer["offset_ns"], limit_ns // 1_000_000
    error_ns = bound_ns(root_ns=answer["root_ns"], rtt_ns=max(0, answer["delay_ns"]))
    detail = f"{offset_ns / 1e6:+.2f} ms ± {error_ns / 1e6:.2f} ms"
    if answer["root_ns"] > limit_ns:
        detail = f"the server vouches only for ± {answer['root_ns'] / 1e6:.0f} ms (root dispersion)"
        remedy = f"change slotlab_ntp to one that is right within {limit_ms} ms"
        return Finding("fail", detail, remedy)
    if abs(offset_ns) + error_ns > limit_ns:
        remedy = f"bring it under {limit_ms} ms: timedatectl set-ntp true, or chrony"
        return Finding("fail", f"unsynchronised clock: {detail}", remedy)
    return Finding("ok", detail)


def _long(value_ns: int) -> str:
    seconds = value_ns // 1_000_000_000
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


Ask = Callable[[Mapping[str, Mapping[str, Any]]], Mapping[str, Any]]
"""Takes a request a host and returns the agents' answers."""


def moved(plan: Plan) -> list[str]:
    """Return the hosts whose own clock a fault of the plan moves or steers."""
    faults = (fault for trial in plan.trials for fault in trial.faults)
    moving = (fault for fault in faults if fault.asked.get("level") in ("host", "daemon"))
    return sorted({host for fault in moving for host in fault.targets})


def refuse(plan: Plan, ask: Ask) -> None:
    """Ask the hosts whose clocks the plan moves who else sets them.

    Raises:
        PlanError: one line with each such host and who sets its clock.
        RunError: an agent does not answer.
    """
    hosts = moved(plan)
    answers = ask({host: {"op": "clock_setters"} for host in hosts}) if hosts else {}
    found = [f"{host}: {'; '.join(answers[host]['others'])}" for host in hosts
             if answers[host]["others"]]  # fmt: skip
    if found:
        remedy = "stop them there, or use level: process"
        raise PlanError(f"others set the clocks that are to be moved: {', '.join(found)}; {remedy}")
