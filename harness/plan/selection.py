"""Some trials of a plan instead of all: what `--only` says, in words of the campaign. Pure."""

import re
from collections.abc import Sequence

from harness.errors import UsageError
from metrics.model.cell_text import cell_text
from metrics.model.plan import Plan, PlannedTrial

_TRIAL = re.compile(r"trial (\d+)")
_CELL = re.compile(r"-?\d+")


def chosen(plan: Plan, only: Sequence[str]) -> list[PlannedTrial]:
    """Return the trials that any of the words names, in the plan's order; all where there are none.

    A word is a cell (`2`), values of its matrix (`delay=50ms,rate=10/s`: all of them hold), a trial
    (`trial 3`), or several of these with commas between.

    Raises:
        UsageError: a word names nothing that is there.
    """
    if not only:
        return plan.trials
    named = {trial.n for words in only for trial in _named(plan, words)}
    return [trial for trial in plan.trials if trial.n in named]


def _named(plan: Plan, words: str) -> list[PlannedTrial]:
    found = plan.trials
    for word in (each.strip() for each in words.split(",")):
        fits = _fits(plan, word, words)
        found = [trial for trial in found if trial in fits]
    if not found:
        raise UsageError(f"--only {words}: no trial of {plan.campaign} is all of that")
    return found


def _fits(plan: Plan, word: str, words: str) -> list[PlannedTrial]:
    """Return the trials that one word names."""
    if numbered := _TRIAL.fullmatch(word):
        fits = [trial for trial in plan.trials if trial.n == int(numbered[1])]
        if not fits:
            there = f"it has 1 to {len(plan.trials)}"
            raise UsageError(f"--only {words}: {plan.campaign} has no such trial; {there}")
        return fits
    if "=" not in word and not _CELL.fullmatch(word):
        raise UsageError(
            f"--only {words}: write a cell (2), values of its matrix (delay=50ms) or a trial"
            " ('trial 3')"
        )
    cells = {
        cell.n
        for cell in plan.cells
        if word in (str(cell.n), *(cell_text({k: v}) for k, v in cell.params.items()))
    }
    if not cells:
        there = "; ".join(cell.name.removeprefix("cell ") for cell in plan.cells)
        raise UsageError(f"--only {words}: {plan.campaign} has no such cell; it has {there}")
    return [trial for trial in plan.trials if trial.cell in cells]
