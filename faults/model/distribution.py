"""How a jitter is spread: netem's distributions by name, by the formulas its tables are made with.

A value is in units of the jitter. Only uniform has bounds of its own; the others are cut off at
four, as netem's tables are.
"""

from statistics import NormalDist
from typing import Literal

Distribution = Literal["uniform", "normal", "pareto", "paretonormal"]
NAMES: tuple[str, ...] = ("uniform", "normal", "pareto", "paretonormal")
FARTHEST = 4.0
_EDGE = 1e-9
_STANDARD = NormalDist()
_PARETO_SHAPE = 3
_PARETO_MEAN, _PARETO_SCALE = 1.5, 4 / 3
_NORMAL_PART = 0.25
"""paretonormal is so much of normal and the rest of pareto."""
_GRID = 100


def quantile(name: str, share: float) -> float:
    """Return the value that this share (0..1) of all draws does not exceed.

    Source: iproute2 netem/normal.c, netem/pareto.c, netem/paretonormal.c.
    """
    match name:
        case "uniform":
            return share * 2 - 1
        case "normal":
            return _normal(share)
        case "pareto":
            return _pareto(share)
        case "paretonormal":
            return _NORMAL_PART * _normal(share) + (1 - _NORMAL_PART) * _pareto(share)
    raise ValueError(f"no such distribution: {name}")


def least(name: str) -> float:
    """Return the lowest value there is."""
    return quantile(name, 0.0)


def of_two(name: str, share: float) -> float:
    """Return the value that this share of the sums of two draws does not exceed."""
    one = [quantile(name, (k + 0.5) / _GRID) for k in range(_GRID)]
    sums = sorted(a + b for a in one for b in one)
    return sums[min(int(share * len(sums)), len(sums) - 1)]


def _normal(share: float) -> float:
    value = _STANDARD.inv_cdf(min(max(share, _EDGE), 1 - _EDGE))
    return max(-FARTHEST, min(value, FARTHEST))


def _pareto(share: float) -> float:
    value: float = max(1 - share, _EDGE) ** (-1 / _PARETO_SHAPE)
    return min((value - _PARETO_MEAN) * _PARETO_SCALE, FARTHEST)
