"""Producers and hosts' accounts have names of one rule, however many there are."""

from __future__ import annotations

import re

from harness.plan import lab_view, planner
from harness.plan.acts import account_name
from harness.plan.node_options import producer_names
from node.chain.model.schedule import MAX_PRODUCERS
from tests.unit.harness_plan.builders import file

SHORT = re.compile(r"[a-z1-5.]{1,12}")


def test_names_go_on_after_the_alphabet_and_fit_the_chain() -> None:
    names, accounts = producer_names(MAX_PRODUCERS), [account_name(i) for i in range(60)]
    assert names[:2] + names[25:28] == [
        "producera", "producerb", "producerz", "producerba", "producerbb",
    ]  # fmt: skip
    assert accounts[:1] + accounts[25:27] == ["usera", "userz", "userba"]
    for made in (names, accounts):
        assert len(set(made)) == len(made)
        assert all(SHORT.fullmatch(name) for name in made)


def test_a_lab_of_more_than_the_alphabet_has_a_schedule_in_its_order() -> None:
    campaign = file(producers=40)
    plan = planner.build(campaign, lab_view.simulated(campaign))
    dealt = [name for host in plan.hosts for name in host.producers]
    assert dealt == producer_names(40)
    assert plan.producers == sorted(dealt)
    assert plan.quorum == 27
