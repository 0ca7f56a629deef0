"""Proposals and parameters, from what hosts wrote behind the blocks of the final chain."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.sim.second.deeds import Deed
from tests.sim.second.record import Line

KINDS = ("proposed", "approved", "proposal_ended", "parameters")
ENDS = ("executed", "unauthorized", "failed", "deleted", "open")


def _story(deeds: list[Deed], number: int) -> tuple[list[Deed], Deed | None, Deed | None]:
    """Return the approvals of a proposal, its end, and the block its parameters came with."""
    own = [d for d in deeds if d.line.get("proposal") == number]
    approvals = [d for d in own if d.line["kind"] == "approved"]
    end = next((d for d in own if d.line["kind"] == "proposal_ended"), None)
    if end is None or end.line["outcome"] != "executed":
        return approvals, end, None
    for later in deeds[deeds.index(end) + 1 :]:
        if later.line["kind"] == "parameters":
            return approvals, end, later
        if later.line.get("outcome") == "executed":
            break
    return approvals, end, None


def _flat(line: Line) -> dict[str, str]:
    fees = {f"fees.{word}": str(units) for word, units in line["fees"].items()}
    rest = ("kind", "v", "host", "node", "boot", "seq", "wall_ns", "mono_ns", "num", "slot", "fees")
    return fees | {key: str(value) for key, value in line.items() if key not in rest}


def _changed(deeds: list[Deed], i: int) -> dict[str, str]:
    """Return what the i-th deed, of parameters, changes."""
    before = [d for d in deeds[:i] if d.line["kind"] == "parameters"]
    if before:
        old, new = _flat(before[-1].line), _flat(deeds[i].line)
        return {key: text for key, text in new.items() if old.get(key) != text}
    done = [d.line["proposal"] for d in deeds[:i] if d.line.get("outcome") == "executed"]
    made = {d.line["proposal"]: d.line["changes"] for d in deeds if d.line["kind"] == "proposed"}
    return dict(made[done[-1]]) if done else {}


def of_trial(deeds: list[Deed]) -> dict[str, Any]:
    """Return what a summary says of one trial's decisions; nothing where there were none."""
    own = [d for d in deeds if d.line["kind"] in KINDS]
    proposals = []
    for made in (d for d in own if d.line["kind"] == "proposed"):
        approvals, end, in_force = _story(own, made.line["proposal"])
        judged = end.line if end else {}
        proposals.append({
            **made.shown,
            "number": made.line["proposal"],
            "account": made.line["account"],
            "changes": made.line["changes"],
            "outcome": judged.get("outcome", "open"),
            "approved_by": judged.get("approved_by", []),
            "committee": judged.get("committee", []),
            "approvals": [
                {**d.shown, "account": d.line["account"], "withdrawn": d.line["withdrawn"]}
                for d in approvals
            ],
            "ended": end and end.shown,
            "in_force": in_force and in_force.shown,
        })  # fmt: skip
    changes = [
        {**d.shown, "changes": _changed(own, i)}
        for i, d in enumerate(own)
        if d.line["kind"] == "parameters"
    ]
    return {"decisions": {"proposals": proposals, "changes": changes}} if own else {}


def figures(trials: list[list[Deed]], names: set[str]) -> dict[str, Any]:
    """Return what M says of the decisions in the named windows, over trials."""
    each = [[d for d in deeds if d.line["kind"] in KINDS] for deeds in trials]
    if not any(each):
        return {}
    outcomes: Counter[str] = Counter()
    approvals: Counter[bool] = Counter()
    parameters: Counter[str] = Counter()
    changes = 0
    for own in each:
        for i, deed in enumerate(own):
            if deed.window not in names:
                continue
            if deed.line["kind"] == "proposed":
                given, end, _ = _story(own, deed.line["proposal"])
                outcomes[end.line["outcome"] if end else "open"] += 1
                approvals.update(d.line["withdrawn"] for d in given)
            elif deed.line["kind"] == "parameters":
                changes += 1
                parameters.update(list(_changed(own, i)))
    m = {
        "proposals": outcomes.total(), "approvals": approvals[False],
        "withdrawn": approvals[True], "changes": changes, "by_parameter": dict(parameters),
    }  # fmt: skip
    return {"decisions": {**m, **{word: outcomes[word] for word in ENDS}}}
