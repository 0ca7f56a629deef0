"""What a run shows while it goes on: trial, cell, and the time that is left of the whole."""

from __future__ import annotations

import pytest

from faults.model.fault import SECOND_NS
from harness.orchestrator.course import Course
from tests.unit.harness_plan.builders import planned

SWEEP = planned(more='load: {rate: "${rate}"}\nmatrix: {rate: [1/s, 2/s]}\ntrials: {repeat: 2}')
MINUTE_NS = 60 * SECOND_NS


def test_a_trial_is_named_with_its_cell_where_there_are_several() -> None:
    names = [Course(SWEEP, SWEEP.trials).name(trial) for trial in SWEEP.trials]
    assert names == [
        f"trial {trial.n} of 4 (cell {trial.cell}: rate={trial.cell}/s)" for trial in SWEEP.trials
    ]
    alone = planned()
    assert Course(alone, alone.trials).name(alone.trials[0]) == "trial 1 of 1"


def test_the_time_left_is_a_guess_first_and_then_what_trials_took() -> None:
    course = Course(SWEEP, SWEEP.trials[1:], guess_ns=100 * SECOND_NS)
    course.begin(0)
    assert course.left(0) == "5 min left of the whole"
    assert course.left(90 * SECOND_NS) == "4 min left of the whole"
    assert course.left(900 * SECOND_NS) == "4 min left of the whole", "it is late; the rest is not"
    late = course.left(900 * SECOND_NS, known_ns=60 * SECOND_NS)
    assert late == "5 min left of the whole", "it is known when it will end"
    course.end(20 * SECOND_NS)
    course.begin(30 * SECOND_NS)
    assert course.left(35 * SECOND_NS) == "35 s left of the whole"
    course.end(70 * SECOND_NS)
    course.begin(80 * SECOND_NS)
    assert course.left(80 * SECOND_NS) == "30 s left of the whole"


def test_nothing_is_said_of_what_nobody_knows() -> None:
    assert Course(SWEEP, SWEEP.trials).left(0) == ""


@pytest.mark.parametrize(
    ("each_min", "says"), [(1.9, "114 s"), (2, "2 min"), (119.5, "2 h 0 min"), (125, "2 h 5 min")]
)
def test_long_times_are_said_in_minutes_and_hours(each_min: float, says: str) -> None:
    course = Course(SWEEP, SWEEP.trials[:1], guess_ns=int(each_min * MINUTE_NS))
    assert course.left(0) == f"{says} left of the whole"
