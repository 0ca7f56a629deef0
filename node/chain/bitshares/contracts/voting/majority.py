"""What it takes to have most of the elected: a figure of how far power is spread. Pure."""

from collections.abc import Sequence

from node.chain.bitshares.contracts.voting.counts import OF, SHARE, CountRule


def majority_stake(approvals: Sequence[int], elected: int, rule: CountRule) -> int:
    """Return the least stake whose own candidates would be more than half of the elected.

    It votes for as many newcomers as it needs, and everybody else, approvals being theirs, as they
    do; how many are elected by number stays as it is. Newcomers lose ties. By 75 % it is enough to
    come so near to the best; with too few near, as many as the minimum are elected all the same.
    There the maximum count plays no part.

    Source: the claim of the seed, by PROTOCOL F.1, B10.
    """
    ranked = sorted(approvals, reverse=True)
    if not rule.is_top75:
        return _above(ranked, elected)
    best = ranked[0] if ranked else 0
    near = -(-best * SHARE // OF)
    places = min(rule.least, rule.most)
    return max(1, min(near, _above(ranked, places)))


def _above(ranked: Sequence[int], places: int) -> int:
    """What has more than half of so many places."""
    kept = places - (places // 2 + 1)
    return ranked[kept] + 1 if 0 <= kept < len(ranked) else 1
