"""What became of hard forks, from what hosts wrote behind the blocks of the final chain."""

from __future__ import annotations

from typing import Any

from tests.sim.second.deeds import Deed

KINDS = ("hard_fork",)
WORDS = (
    "hard_fork", "state", "by_urgency", "approval", "stake", "ready", "urgent", "of_witnesses",
)  # fmt: skip
STATES = ("scheduled", "cleared", "active", "refused")


def _own(deeds: list[Deed]) -> list[Deed]:
    return [deed for deed in deeds if deed.line["kind"] == "hard_fork"]


def of_trial(deeds: list[Deed]) -> dict[str, Any]:
    """Return what a summary says of one trial's hard forks; nothing where there were none."""
    rows = [{**d.shown, **{word: d.line.get(word) for word in WORDS}} for d in _own(deeds)]
    return {"hard_forks": rows} if rows else {}


def figures(trials: list[list[Deed]], names: set[str]) -> dict[str, Any]:
    """Return how often one came into each state in the named windows, over trials."""
    if not any(_own(deeds) for deeds in trials):
        return {}
    states = [d.line["state"] for deeds in trials for d in _own(deeds) if d.window in names]
    return {"hard_forks": {state: states.count(state) for state in STATES}}
