"""chain.enable_stale_production: which nodes may sign on an old head, from file to node.json."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.campaign import campaign_file
from harness.errors import CampaignError, PlanError
from harness.plan import planner
from metrics.model.plan import Plan
from node import config
from tests.unit.harness_plan.builders import HEAD, files_of, lab


def planned(selector: str, *, hosts: int = 4) -> Plan:
    """Return the plan of a campaign for 4 producers that gives the key this value."""
    text = HEAD % 4 + "timeline: []\n"
    chain = f"producers: 4, enable_stale_production: {selector}"
    file = campaign_file.parse(text.replace("producers: 4", chain), Path("test.yml"))
    return planner.build(file, lab(hosts))


@pytest.mark.parametrize(
    ("selector", "hosts"),
    [
        ("[]", []),
        ("n3", ["n3"]),
        ("[n4, n2]", ["n2", "n4"]),
        ("all", ["n1", "n2", "n3", "n4"]),
        ("left", ["n1", "n2"]),
        ("[left, n4]", ["n1", "n2", "n4"]),
    ],
)
def test_it_takes_hosts_groups_and_words_as_a_fault_does(selector: str, hosts: list[str]) -> None:
    assert planned(selector).enable_stale_production == hosts


def test_one_is_drawn_with_the_seed_the_same_each_time() -> None:
    (drawn,) = planned("one").enable_stale_production
    assert planned("one").enable_stale_production == [drawn]


def test_all_means_no_observer() -> None:
    assert planned("all", hosts=5).enable_stale_production == ["n1", "n2", "n3", "n4"]


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("[n9]", "no host, group or selector n9; did you mean n5?"),
        ("n9", "no host, group or selector n9; did you mean n5?"),
        ("same(dark)", "same(dark): no earlier fault has the id dark; name hosts"),
        ("n5", "n5 produces nothing; name one of n1, n2, n3, n4"),
        ("[n1, n5]", "n5 produces nothing; name one of n1, n2, n3, n4"),
    ],
)
def test_a_host_that_is_not_there_or_produces_nothing_is_refused(
    selector: str, message: str
) -> None:
    with pytest.raises(PlanError) as caught:
        planned(selector, hosts=5)
    assert str(caught.value) == f"test.yml: chain.enable_stale_production: {message}"


def test_what_is_no_name_is_refused() -> None:
    with pytest.raises(CampaignError, match=r"chain\.enable_stale_production"):
        planned("true")


@pytest.mark.parametrize(("selector", "hosts"), [("[]", []), ("[n2]", ["n2"])])
def test_only_those_nodes_are_told_so(selector: str, hosts: list[str], tmp_path: Path) -> None:
    files = files_of(planned(selector), tmp_path / "keys")
    told = []
    for host, texts in files.by_host.items():
        path = tmp_path / f"{host}.json"
        path.write_text(texts["node.json"])
        if config.load(path).enable_stale_production:
            told.append(host)
    assert told == hosts
