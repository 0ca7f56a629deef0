"""A host says whose record it holds until that was fetched, or a new trial took its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.durable.trial_files import mark_collected, mark_uncollected, place_files, uncollected
from faults.host.layout import Layout, layout


@pytest.fixture
def place(tmp_path: Path) -> Layout:
    made = layout(tmp_path)
    made.agent_dir.mkdir(parents=True)
    return made


def test_a_record_is_there_until_just_that_one_was_fetched(place: Layout) -> None:
    assert uncollected(place) == ""
    mark_uncollected(place, "run.1")
    mark_collected(place, "run.2")
    assert uncollected(place) == "run.1"
    mark_collected(place, "run.1")
    assert uncollected(place) == ""


def test_a_record_that_a_new_trial_replaced_is_not_there_any_more(place: Layout) -> None:
    mark_uncollected(place, "run.1")
    place_files(place, {"node.json": "{}"})
    assert uncollected(place) == ""


def test_no_trial_begins_with_a_node_that_lies(place: Layout) -> None:
    place.behaviour_file.write_text('{"strategy":"late"}')
    place_files(place, {"node.json": "{}"})
    assert not place.behaviour_file.exists()
