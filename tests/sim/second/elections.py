"""Results of elections and votes, from what hosts wrote behind the blocks of the final chain."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.sim.second.deeds import Deed
from tests.sim.second.record import Line

RESULTS = {
    "elected": "producers",
    "witnesses_elected": "producers",
    "committee_elected": "committee",
}
KINDS = ("voted", "proxied", "registered", "opinion", "activated", *RESULTS)


def _said(line: Line) -> dict[str, Any]:
    """Return a result as a summary says it."""
    told = {"body": RESULTS[line["kind"]], "tally": line["tally"], "out": line["out"]}
    more = {"standby": [], "weights": {}, "threshold": 0, "outcome": "elected"}
    match line["kind"]:
        case "witnesses_elected":
            return {**told, **more, "producers": line["witnesses"]}
        case "committee_elected":
            power = {"weights": line["weights"], "threshold": line["threshold"]}
            return {**told, **more, **power, "producers": line["members"]}
    rest = {key: line[key] for key in ("outcome", "producers", "standby")}
    return {**told, **more, **rest}


def _alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether both elect the same, whatever the votes are, but for whether there are any."""
    votes = [any(each["tally"].values()) for each in (one, other)]
    rest = [{key: each[key] for key in each if key != "tally"} for each in (one, other)]
    return votes[0] == votes[1] and rest[0] == rest[1]


def results(deeds: list[Deed]) -> list[tuple[Deed, dict[str, Any]]]:
    """Return the results; of maintenance those other than the one before.

    The first ones without any votes are what the genesis says.
    """
    found = []
    for i, deed in enumerate(deeds):
        kind = deed.line["kind"]
        if kind not in RESULTS:
            continue
        now = _said(deed.line)
        if kind != "elected":
            before = [_said(d.line) for d in deeds[:i] if d.line["kind"] == kind]
            same = _alike(before[-1], now) if before else not any(now["tally"].values())
            if same:
                continue
        found.append((deed, now))
    return found


def of_trial(deeds: list[Deed]) -> dict[str, Any]:
    """Return what a summary says of one trial's elections; nothing where there were none."""
    activated = [{**d.shown, "weight": d.line["weight"]} for d in deeds
                 if d.line["kind"] == "activated"]  # fmt: skip
    each = [{**deed.shown, **said} for deed, said in results(deeds)]
    if not activated and not each:
        return {}
    return {"elections": {"activated": (activated or [None])[0], "results": each}}


def _act(line: Line) -> str:
    if line["kind"] == "opinion":
        return "proxied" if line["proxy"] else "voted"
    return str(line["kind"])


def figures(trials: list[list[Deed]], names: set[str]) -> dict[str, Any]:
    """Return what M says of elections and votes in the named windows, over trials."""
    acts = ("voted", "proxied", "registered")
    did = [_act(d.line) for deeds in trials for d in deeds if d.window in names]
    held = [each for deeds in trials for each in results(deeds)]
    ever = {_act(d.line) for deeds in trials for d in deeds} & {*acts, "activated"}
    if not ever and not held:
        return {}
    outcomes = Counter(said["outcome"] for deed, said in held if deed.window in names)
    return {
        "elections": {
            "results": outcomes.total(), "proposed": outcomes["proposed"],
            "outcomes": dict(outcomes), **{act: did.count(act) for act in acts},
        }
    }  # fmt: skip
