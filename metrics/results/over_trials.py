"""How all trials did in a check, in one line: in how many it held, in which it did not. Pure."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from metrics.model.run_folder import HOLDS, UNKNOWN, VIOLATED, WITNESSES_MAX
from metrics.safety.checks import Check

SHOWN_MAX = 3
"""How many trials' evidence a check gives where it held in all of them."""


def over_trials(found: Sequence[tuple[int, Sequence[Check]]]) -> list[Check]:
    """Return each check once for all trials (number, checks): the worst verdict, and whose it is.

    The evidence says in how many it held, and gives the first one's of that verdict; where it held
    in all, what they had. The witnesses are those of all trials of that verdict.
    """
    by_name: dict[str, dict[int, Check]] = {}
    for n, checks in found:
        for check in checks:
            by_name.setdefault(check.name, {})[n] = check
    return [_over_trials(name, checks) for name, checks in by_name.items()]


def _over_trials(name: str, checks: dict[int, Check]) -> Check:
    if len(checks) == 1:
        return next(iter(checks.values()))
    by_verdict = {
        verdict: {n: check for n, check in checks.items() if check.verdict == verdict}
        for verdict in (VIOLATED, UNKNOWN, HOLDS)
    }
    worst = next(verdict for verdict, those in by_verdict.items() if those)
    those = by_verdict[worst]
    first = min(those)
    said = f"trial {first}: {those[first].evidence}"
    if worst == HOLDS:
        said = _in_all({n: check.evidence for n, check in those.items()})
    each = max(WITNESSES_MAX // len(those), 1)
    details = [
        msgspec.structs.replace(witness, text=f"trial {n}: {witness.text}")
        for n, check in sorted(those.items())
        for witness in check.details[:each]
    ]
    how = held({n: check.verdict for n, check in checks.items()})
    return Check(name, worst, f"{how}; {said}", tuple(details[:WITNESSES_MAX]))


def held(verdicts: Mapping[int, str]) -> str:
    """Return in how many trials a check held, and in which it did not: `held in 3 of 4 trials`."""
    held = sum(verdict == HOLDS for verdict in verdicts.values())
    others = [
        f"{word} in {_numbers(n for n, verdict in verdicts.items() if verdict == word)}"
        for word in (VIOLATED, UNKNOWN)
        if word in verdicts.values()
    ]
    text = f"held in {held} of {len(verdicts)} trials"
    return f"{text} ({'; '.join(others)})" if others else text


def _in_all(evidence: Mapping[int, str]) -> str:
    """Return what trials had, each once: of more than a few, the first few."""
    by_text: dict[str, list[int]] = {}
    for n, text in sorted(evidence.items()):
        by_text.setdefault(text, []).append(n)
    if len(by_text) == 1:
        return next(iter(by_text))
    shown = [f"{text} ({_numbers(ns)})" for text, ns in by_text.items()]
    return "; ".join(shown[:SHOWN_MAX]) + ("; …" if len(shown) > SHOWN_MAX else "")


def _numbers(trials: Iterable[int]) -> str:
    return ", ".join(str(n) for n in sorted(trials))
