"""Whether a delay wandered as asked, by how far apart its pairs' round trips are."""

from __future__ import annotations

import statistics

from metrics.fault_checks import effect_gaps

RESOLUTION_NS = 2_000_000
WANDERS = 50
"""Jitter wanders over eight times itself, so six of its points are drawn in a window this long."""
TENTHS = 10
Pair = tuple[str, str]


def word(word: str, jitter_ns: float) -> str:
    """Return the word for a delay, with what cannot be said of a jitter below the resolution."""
    if not 0 < jitter_ns < RESOLUTION_NS:
        return word
    return f"{word}, its jitter {effect_gaps.too_small(f'{RESOLUTION_NS / 1e6:g} ms')}"


def absent(rtts: dict[Pair, list[int]], jitter_ns: float, window: effect_gaps.Stretch) -> str:
    """Return between whom there was no jitter, "" where there was, or where that cannot be told.

    Two ways of jitter j spread the middle eight tenths of the round trips over about 2 j (measured:
    1.9 to 2.5 j); less than a quarter of that is none. More proves nothing: waiting spreads, too.
    """
    if jitter_ns < RESOLUTION_NS or window[1] - window[0] < WANDERS * jitter_ns:
        return ""
    for (a, b), own in sorted(rtts.items()):
        if len(own) < TENTHS:
            continue
        edges = statistics.quantiles(own, n=TENTHS)
        if edges[-1] - edges[0] < jitter_ns / 2:
            return f"no jitter between {a} and {b} {effect_gaps.words(window)}"
    return ""
