"""Bends a synthetic run: faults of hosts, clocks and links written over its calm last part.

Times are true seconds since T0, as in the builder; a bent run keeps everything else as it was.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Line = dict[str, Any]
Lines = dict[str, list[Line]]
Rebuilt = Callable[..., dict[str, Any]]
"""What gives the summary of a run that is bent as its arguments say."""
HOURS = {"h1": 1.0, "h2": -3.0, "h3": 7.5, "h4": 0.25}
DRIFT = {"h1": 0.0, "h2": 20e-6, "h3": -35e-6, "h4": 5e-6}
WINDOW = (90.0, 110.0)
END = 140.0
STAMPS = ("t1_ns", "t2_ns", "t3_ns", "t4_ns")


def at(line: Line) -> float:
    """Return the time at which a line was written."""
    host = line["host"]
    return float((line["mono_ns"] / 1e9 - HOURS[host] * 3600 - 10_000) / (1 + DRIFT[host]))


def within(lines: Iterable[Line], window: tuple[float, float] = WINDOW) -> list[Line]:
    """Return the lines written in the window."""
    return [line for line in lines if window[0] <= at(line) < window[1]]


def wall(lines: Lines, host: str, by_s: Callable[[float], float]) -> None:
    """Put the host's wall clock off by by_s(seconds into the window); its checks see it."""
    for line in within(lines[host]):
        off_ns = round(by_s(at(line) - WINDOW[0]) * 1e9)
        line["wall_ns"] += off_ns
        if line["kind"] == "clock":
            line["offset_ns"] += off_ns
            line["verified"] = abs(line["offset_ns"]) < 125_000_000


def checks_each_second(lines: Lines, host: str) -> None:
    """Put an NTP check beside each second slot_due, so that each window has some."""
    check = next(line for line in lines[host] if line["kind"] == "clock")
    own = lines[host]
    wanted = [line for line in own if line["kind"] == "slot_due"][::2]
    clocks = ("wall_ns", "mono_ns")
    own += [check | {key: line[key] for key in clocks} | {"offset_ns": 50_000} for line in wanted]
    renumber(own)


def told(lines: Lines, host: str, by_s: float) -> None:
    """Have the host's servers answer by_s ahead of the truth."""
    for line in within(lines[host]):
        if line["kind"] == "clock":
            line["offset_ns"] -= round(by_s * 1e9)
            line["verified"] = abs(line["offset_ns"]) < 125_000_000


def lose(
    lines: Lines,
    pairs: Iterable[tuple[str, str]],
    share: float,
    window: tuple[float, float] = WINDOW,
) -> None:
    """Lose that share of the path probes on each way between the pairs."""
    rng = random.Random(5)
    wanted = {frozenset(pair) for pair in pairs}
    keep = (1 - share) ** 2
    for own in lines.values():
        for line in own:
            sent = at(line) - 2.5
            if line["kind"] != "probe" or line["flow"] != "path":
                continue
            if frozenset((line["host"], line["peer"])) not in wanted:
                continue
            if not window[0] <= sent < window[1]:
                continue
            line["received"] = sum(rng.random() < keep for _ in range(line["sent"]))
            line["rtts_ns"] = line["rtts_ns"][: line["received"]]
            if not line["received"]:
                give_up(line)


def slow(lines: Lines, by_s: float, waiting_s: float) -> None:
    """Slow each way of every pair by by_s; all but a burst's first answer wait on top of it."""
    for own in lines.values():
        for line in own:
            probing = line["kind"] == "probe" and line["flow"] == "path"
            if probing and WINDOW[0] <= at(line) - 2.5 < WINDOW[1]:
                first, *others = (rtt + round(2e9 * by_s) for rtt in line["rtts_ns"])
                line["rtts_ns"] = [first, *(rtt + round(1e9 * waiting_s) for rtt in others)]


def give_up(line: Line) -> None:
    """Leave a burst without any answer."""
    line |= {"received": 0, "rtts_ns": [], "peer_boot": ""}
    line |= dict.fromkeys(STAMPS, 0)


def silence(
    lines: Lines, host: str, *, writes: bool, begin: float = WINDOW[0], back: float = WINDOW[1]
) -> None:
    """Leave every probe of the others to the host unanswered, and its own; maybe it writes on."""
    for name, own in lines.items():
        for line in own:
            probing = line["kind"] == "probe" and host in (name, line["peer"])
            if probing and begin <= at(line) - 2.5 < back:
                give_up(line)
        if name == host and not writes:
            gone = {id(line) for line in within(own, (begin, back))}
            lines[name] = [line for line in own if id(line) not in gone]
            renumber(lines[name])


def reboot(
    lines: Lines, host: str, after: float, *, lost_s: float = 50_000.0, suffix: str = "-2"
) -> None:
    """Give the host another boot, whose raw clock starts anew, from `after` on.

    Without a suffix the boot stays the same: the clock only stood still for lost_s.
    """
    lost_ns = round(lost_s * 1e9)
    for name, own in lines.items():
        for line in own:
            moment = at(line)
            answered = line["kind"] == "probe" and line["received"]
            own_stamps, peer_stamps = ("t1_ns", "t4_ns"), ("t2_ns", "t3_ns")
            if name == host and moment >= after:
                line |= {"mono_ns": line["mono_ns"] - lost_ns, "boot": line["boot"] + suffix}
                if answered:
                    line |= {key: line[key] - lost_ns for key in own_stamps}
            elif answered and line["peer"] == host and moment - 2.5 >= after:
                line |= {key: line[key] - lost_ns for key in peer_stamps}
                line["peer_boot"] += suffix


def renumber(own: list[Line]) -> None:
    """Sort one host's lines and number each writer's without gaps."""
    own.sort(key=lambda line: (line["node"], line["seq"] if line["node"] != line["host"] else 0,
                               line["mono_ns"]))  # fmt: skip
    seq: dict[str, int] = {}
    for line in own:
        seq[line["node"]] = seq.get(line["node"], -1) + 1
        line["seq"] = seq[line["node"]]


def fault(kind: str, targets: list[str], asked: Line, **more: Any) -> Line:
    """Return the plan's entry of a fault in the window."""
    at_ns, end_ns = (round(edge * 1e9) for edge in WINDOW)
    lasting = {"at_ns": at_ns, "for_ns": end_ns - at_ns, "end_ns": end_ns}
    common = {"id": f"{kind}-x", "fault": kind, "how": "here", "targets": targets, "asked": asked}
    return common | lasting | more


def add(
    run: Path,
    planned: Line,
    *,
    early_s: float = 0.0,
    late_s: float = 0.002,
    healed: Line | None = None,
    installed: Line | None = None,
    provider: bool = False,
) -> None:
    """Put a fault into the plan, and into the journals of who does it; healed: read back then."""
    in_plan(lambda plan: plan["trials"][0]["faults"].append(planned))(run)
    hosts = planned["targets"]
    if planned.get("pairs"):
        ends = 1 if planned["fault"] == "cut" else 0
        hosts = sorted({host for pair in planned["pairs"] for host in pair[ends:]})
    for host in hosts:
        who = "provider" if provider else host
        folder = run / "trials/1" / ("provider" if provider else f"hosts/{host}")
        folder.mkdir(exist_ok=True)
        with (folder / "agent.jsonl").open("a") as journal:
            for state, t, read_back in (
                ("installed", WINDOW[0] + late_s, installed),
                ("healed", WINDOW[1] + 0.002 - early_s, healed),
            ):
                t_ns = round(t * 1e9)
                line = {
                    "v": 1, "host": who, "boot": f"boot-{who}", "trial": "1",
                    "fault": f"{planned['id']}.{host}" if provider else planned["id"],
                    "kind": planned["fault"], "state": state, "t_ns": t_ns, "wall_ns": 0,
                    "mono_ns": round((HOURS[host] * 3600 + 10_000 + t * (1 + DRIFT[host])) * 1e9),
                    "between_ns": [t_ns - 1_000_000, t_ns], "asked": {"host": host},
                    "read_back": read_back or {}, "how": planned["how"], "reason": "",
                }  # fmt: skip
                journal.write(json.dumps(line) + "\n")


def in_plan(change: Callable[[Line], object]) -> Callable[[Path], None]:
    """Return what changes plan.json in a run folder."""

    def bend(run: Path) -> None:
        plan = json.loads((run / "plan.json").read_text())
        change(plan)
        (run / "plan.json").write_text(json.dumps(plan))

    return bend


def repeat(run: Path) -> None:
    """Make a second trial of the same cell, of the same events."""
    in_plan(lambda plan: plan["trials"].append({**plan["trials"][0], "n": 2}))(run)
    shutil.copytree(run / "trials/1", run / "trials/2")
    path = run / "trials/2/trial.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "n": 2}))


def check(summary: Line, name: str) -> Line:
    """Return one check of a summary."""
    (found,) = [each for each in summary["checks"] if each["name"] == name]
    return dict(found)


def result(summary: Line, fault_id: str) -> Line:
    """Return what a summary says of a fault."""
    (found,) = [fault for fault in summary["faults"] if fault["id"] == fault_id]
    return dict(found)


def judged(summary: Line, fault_id: str) -> tuple[str, str, str]:
    """Return (state, reason, word) of a fault."""
    found = result(summary, fault_id)
    return found["state"], found["reason"], found["measured"].get("judged", "")
