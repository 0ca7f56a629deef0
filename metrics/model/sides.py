"""Between whom a fault acts, and the sides of a partition in words."""

import itertools

from metrics.model.plan import PlannedFault


def between(fault: PlannedFault) -> list[tuple[str, str]]:
    """Return the pairs of hosts that a fault acts between: those of two groups, or those named."""
    if fault.groups is None:
        return fault.pairs or []
    sides = itertools.combinations(fault.groups, 2)
    return [(a, b) for one, other in sides for a in one for b in other]


def sides_text(groups: list[list[str]], targets: list[str]) -> str:
    """Return the groups of a partition, and who of its targets reaches all of them."""
    text = " | ".join(", ".join(group) for group in groups)
    bridges = [host for host in targets if all(host not in group for group in groups)]
    return f"{text}; {', '.join(bridges)} reaches all" if bridges else text
