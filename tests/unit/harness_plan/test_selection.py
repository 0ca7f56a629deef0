"""`--only` names trials in the words of the campaign: cells, values of the matrix, trials."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.plan.selection import chosen
from tests.unit.harness_plan.builders import planned

PLAN = planned(
    '[{at: 20s, for: 5s, fault: delay, between: all, delay: "${delay}"}]',
    more='load: {rate: "${rate}"}\nmatrix: {delay: [10ms, 20ms], rate: [1/s, 2/s]}\n'
    "trials: {repeat: 2, order: listed}",
)
CELLS = "it has 1: delay=10ms, rate=1/s; 2: delay=10ms, rate=2/s; 3: delay=20ms, rate=1/s;" + (
    " 4: delay=20ms, rate=2/s"
)


@pytest.mark.parametrize(
    ("only", "trials"),
    [
        ([], [1, 2, 3, 4, 5, 6, 7, 8]),
        (["2"], [3, 4]),
        (["trial 3"], [3]),
        (["delay=20ms"], [5, 6, 7, 8]),
        (["delay=20ms,rate=1/s"], [5, 6]),
        (["delay=20ms, trial 7"], [7]),
        (["trial 8", "1"], [1, 2, 8]),
    ],
)
def test_words_name_trials_which_stay_in_the_plans_order(
    only: list[str], trials: list[int]
) -> None:
    assert [trial.n for trial in chosen(PLAN, only)] == trials


@pytest.mark.parametrize(
    ("only", "says"),
    [
        ("5", f"test has no such cell; {CELLS}"),
        ("-1", f"test has no such cell; {CELLS}"),
        ("rat=None", f"test has no such cell; {CELLS}"),
        ("delay=20", f"test has no such cell; {CELLS}"),
        ("dealy=20ms", f"test has no such cell; {CELLS}"),
        ("trial 9", "test has no such trial; it has 1 to 8"),
        ("trial 0", "test has no such trial; it has 1 to 8"),
        ("1,trial 3", "no trial of test is all of that"),
        ("trial three", "write a cell (2), values of its matrix (delay=50ms) or a trial"
         " ('trial 3')"),
        ("", "write a cell (2), values of its matrix (delay=50ms) or a trial ('trial 3')"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_with_what_is(only: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(PLAN, [only])
    assert str(caught.value) == f"--only {only}: {says}"
