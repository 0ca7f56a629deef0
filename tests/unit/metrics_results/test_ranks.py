"""Two groups of trials by rank: exact, whatever the distribution, ties and open ends included."""

from __future__ import annotations

import itertools
import math
import random

from hypothesis import given
from hypothesis import strategies as st

from metrics.results import ranks

TRIALS = st.lists(st.sampled_from([1.0, 1.5, 2.0, 3.0, math.inf]), min_size=2, max_size=4)


def naive_p(base: list[float], other: list[float]) -> float:
    """Return p by trying every way to deal the trials to the two groups."""
    every = base + other
    order = sorted(every)
    rank = {v: sum(i + 1 for i, o in enumerate(order) if o == v) / order.count(v) for v in every}
    middle = len(other) * (len(every) + 1) / 2
    sums = [
        sum(rank[every[i]] for i in chosen)
        for chosen in itertools.combinations(range(len(every)), len(other))
    ]
    off = abs(sum(rank[v] for v in other) - middle)
    return sum(abs(s - middle) >= off - 1e-9 for s in sums) / len(sums)


@given(base=TRIALS, other=TRIALS)
def test_p_is_that_of_all_permutations(base: list[float], other: list[float]) -> None:
    assert math.isclose(ranks.p_of(base, other), naive_p(base, other))


def test_three_trials_each_cannot_show_what_four_can() -> None:
    assert ranks.p_of([1, 2, 3], [4, 5, 6]) == ranks.least_p(3, 3) == 0.1
    assert ranks.shift([(1, 1, 1)] * 3, [(2, 2, 2)] * 3) == (1, None, None)
    assert ranks.could_find([1, 2, 3], [4, 5, 6], 1) is None
    four = [(v, v - 0.125, v + 0.25) for v in (1.0, 1.25, 1.5, 1.75)]
    found, low, high = ranks.shift(four, [(v + 1, v + 1, v + 1) for v, _, _ in four])
    assert (found, low, high) == (1.0, 1.0 - 0.75 - 0.25, 1.0 + 0.75 + 0.125)


def test_the_interval_of_a_shift_has_the_ranks_that_tables_of_the_test_have() -> None:
    """Critical values of U, two-sided, 5 %: 4: 0; 8: 13; 10: 23 (Mann and Whitney)."""
    ranked = [ranks._rank_of_interval(n, n) for n in (3, 4, 8, 10)]
    assert ranked == [0, 0 + 1, 13 + 1, 23 + 1]


def test_dominance_is_one_where_each_trial_is_larger_and_nothing_where_all_are_alike() -> None:
    assert ranks.dominance([1, 2], [3, math.inf]) == 1
    assert ranks.dominance([3, 4], [1, 2]) == -1
    assert ranks.dominance([math.inf], [math.inf]) == 0


def test_of_like_groups_one_in_twenty_at_most_seems_to_differ() -> None:
    rng = random.Random(20261130)
    groups = [[rng.lognormvariate(0, 0.3) for _ in range(6)] for _ in range(4_000)]
    pairs = zip(groups[::2], groups[1::2], strict=True)
    assert sum(ranks.p_of(a, b) <= ranks.ALPHA for a, b in pairs) / 2_000 <= 0.05


def test_as_many_trials_as_are_advised_find_the_difference_nine_times_of_ten() -> None:
    rng = random.Random(7)

    def group(mean: float, n: int) -> list[float]:
        return [rng.gauss(mean, 0.3) for _ in range(n)]

    found = 0
    for _ in range(300):
        n = ranks.advised(group(10, 6), group(10, 6), 0.5, 1)
        assert n is not None
        found += ranks.p_of(group(10, n), group(10.5, n)) <= ranks.ALPHA
    assert found >= 0.9 * 300
