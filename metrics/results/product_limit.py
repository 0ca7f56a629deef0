"""How much of what waits still waits after a time, where some was not watched to its end. Pure.

The product-limit estimate (Kaplan and Meier): what is censored counts as waiting as long as it was
watched, and not after.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

from metrics.model.quantiles import COVERAGE

LEAST = 6
"""Of fewer no interval is given, as for a median."""
_Z = NormalDist().inv_cdf((1 + COVERAGE) / 2)


class Step(NamedTuple):
    """After t the share `still` waits, and its interval, None where too few were watched."""

    t: float
    still: float
    low: float | None
    high: float | None


def curve(ended: Sequence[float], watched: Sequence[float]) -> list[Step]:
    """Return the steps of the curve from 0 on, one for each time at which some ended.

    ended: after which time; watched: how long others were watched that had not ended. The interval
    is Greenwood's on the scale of log(-log), which stays within 0 and 1.
    """
    still, summed, few = 1.0, 0.0, len(ended) + len(watched) < LEAST
    steps = [Step(0.0, 1.0, None if few else 1.0, None if few else 1.0)]
    for t in sorted(set(ended)):
        waiting = sum(end >= t for end in (*ended, *watched))
        gone = sum(end == t for end in ended)
        still *= (waiting - gone) / waiting
        if few:
            low, high = None, None
        elif gone == waiting:
            low, high = 0.0, steps[-1].high
        else:
            summed += gone / (waiting * (waiting - gone))
            reach = math.exp(_Z * math.sqrt(summed) / math.log(still))
            low, high = still ** (1 / reach), still**reach
        steps.append(Step(t, still, low, high))
    return steps


def median(steps: Sequence[Step]) -> float | None:
    """Return the time after which no more than half waits, None where more does at the end."""
    return next((step.t for step in steps if step.still <= 0.5), None)
