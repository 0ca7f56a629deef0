"""Bends of what was recorded of faults: agents' journals, probes, plan and trial file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from typing import Any

from tests.unit.metrics_bends.folder import Folder, Line
from tests.unit.metrics_bends.records import Bend, edited, everywhere, given_up

WAIT_S = 2.5
"""A burst that lacks an answer is written so much after it was sent."""


def forgotten(fault: str, state: str, host: str) -> Bend:
    """Lose a host's record that a fault came into a state."""
    return journal(host, lambda x: [] if (x["fault"], x["state"]) == (fault, state) else [x])


def journal(host: str, change: Callable[[Line], Iterable[Line]]) -> Bend:
    """Put what change makes of each record of a host's agent in its place."""

    def bend(folder: Folder) -> None:
        folder.write_journal(host, [new for x in folder.journal(host) for new in change(x)])

    return bend


def told(fault: str, when: str, host: str, **fields: Any) -> Bend:
    """Put other fields into a host's record that a fault came into a state."""

    def change(record: Line) -> list[Line]:
        meant = (record["fault"], record["state"]) == (fault, when)
        return [record | fields] if meant else [record]

    return journal(host, change)


def shifted(fault: str, state: str, host: str, by_s: float, *, only_written: bool = False) -> Bend:
    """Let a host's record tell a moment that much later; only_written: only of its writing."""
    ns = round(by_s * 1e9)

    def change(record: Line) -> list[Line]:
        if (record["fault"], record["state"]) != (fault, state):
            return [record]
        moved = {key: record[key] + ns for key in ("t_ns", "mono_ns", "wall_ns")}
        if not only_written:
            moved["between_ns"] = [edge + ns for edge in record["between_ns"]]
        return [record | moved]

    return journal(host, change)


def probes(change: Callable[[Line], dict[str, Any]], after: float, before: float) -> Bend:
    """Change the fields of every path burst that was written then."""
    return everywhere(
        lambda host: edited(
            host, "probe", lambda line: change(line) if line["flow"] == "path" else {},
            after=after, before=before,
        )
    )  # fmt: skip


def undelayed(after: float, before: float) -> Bend:
    """Let no pair have been delayed for a while."""
    return probes(lambda x: {"rtts_ns": [1_000_000] * x["received"]}, after, before)


def delayed(by_s: float, after: float, before: float) -> Bend:
    """Let every answer have taken that much longer."""
    ns = round(2 * by_s * 1e9)
    return probes(lambda x: {"rtts_ns": [rtt + ns for rtt in x["rtts_ns"]]}, after, before)


def cut_off(after: float, before: float, *, pair: Iterable[str]) -> Bend:
    """Let no probe between a pair have been answered for a while."""
    ends = set(pair)
    return probes(lambda x: given_up() if {x["host"], x["peer"]} == ends else {}, after, before)


def plan(change: Callable[[dict[str, Any]], object]) -> Bend:
    """Change plan.json."""
    return changed("plan.json", change)


def changed(name: str, change: Callable[[dict[str, Any]], object]) -> Bend:
    """Change what a file below the run folder holds."""

    def bend(folder: Folder) -> None:
        value = folder.json(name)
        change(value)
        folder.write_json(name, value)

    return bend


def planned(folder_plan: dict[str, Any], fault: str) -> dict[str, Any]:
    """Return a fault of the plan."""
    return next(f for f in folder_plan["trials"][0]["faults"] if f["id"] == fault)  # type: ignore[no-any-return]


def repeated(times: int, *bends: Bend) -> Bend:
    """Have run the trial that many times alike; the last one is bent."""

    def bend(folder: Folder) -> None:
        for n in range(2, times + 1):
            target = folder.path / "trials" / str(n)
            shutil.copytree(folder.trial, target)
            name = f"trials/{n}/trial.json"
            folder.write_json(name, folder.json(name) | {"n": n})
        found = folder.json("plan.json")
        found["trials"] = [found["trials"][0] | {"n": n} for n in range(1, times + 1)]
        folder.write_json("plan.json", found)
        for each in bends:
            last = folder.path / "trials" / str(times)
            first = folder.path / "trials/1"
            first.rename(folder.path / "spare")
            last.rename(first)
            each(folder)
            first.rename(last)
            (folder.path / "spare").rename(first)

    return bend
