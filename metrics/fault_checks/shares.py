"""Shares of packets that met a fate: their interval, and one way of what needs both."""

import math

Z_95, Z_CERTAIN = 1.96, 4.0
ROUNDING = 1e-6
OUTSIDE = "outside its 95 % interval"


def one_way(exchange: float) -> float:
    """Return the share of one way when both ways meet it alike and the exchange does so often."""
    return 1 - math.sqrt(max(0.0, 1 - exchange))


def wilson(hits: float, n: float, z: float) -> tuple[float, float]:
    """Return Wilson's interval of a share; of what cannot be less than none, none."""
    share = max(0.0, hits) / n
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def holds(asked: float, edges: tuple[float, float]) -> bool:
    """Return whether a share may be the one asked, by the edges that chance allows."""
    return edges[0] - ROUNDING <= asked <= edges[1] + ROUNDING
