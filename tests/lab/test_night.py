"""A run that is handed over goes on by itself on real hosts, and gives every trial once.

Its driver is killed twice, its machine's clock is stepped and its power cut (`night.py`).
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.lab.bench import MARKS, bench
from tests.lab.night import night
from tests.root.unattended.machine import missing

pytestmark = [*MARKS, pytest.mark.long, pytest.mark.skipif(bool(missing()), reason=missing())]


def test_a_run_that_is_handed_over_goes_on_by_itself_and_gives_every_trial_once(
    tmp_path: Path,
) -> None:
    with bench("night", hosts=4) as lab, night(lab, tmp_path) as ours:
        ours.hand_over("10ms", repeat=1)
        ours.disturb(random.Random(2), trials=3)
        ours.wait()
        found = ours.found()
        assert 1 <= found.pop("resumed") <= 3, "some events may come before its first trial"
        assert found == {
            "runs": 1, "sealed": [1, 2, 3], "reported": [1, 2, 3], "states": ["complete"],
            "cells": 3,
        }  # fmt: skip
        entry = ours.queue.entry(1)
        assert entry.verdict
        status, said, touched = ours.again()
        assert (status, touched) == (0, False)
        assert said.startswith(f"{ours.run}: nothing to do: 3 of 3 trial(s) ran to their end")
