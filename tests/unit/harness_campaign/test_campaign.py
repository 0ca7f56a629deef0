"""A campaign file is read strictly; a mistake is one line with file, key path and remedy.

More mistakes, and how the command answers them: tests/vectors/wrong_inputs.txt.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.campaign import campaign_file, expectations
from harness.controller.state_dir import CAMPAIGNS, shipped
from harness.errors import CampaignError
from harness.plan import lab_view, planner

DEMO = (CAMPAIGNS / "demo.yml").read_text()


def test_the_campaigns_that_ship_are_valid() -> None:
    for name in shipped():
        file = campaign_file.load(campaign_file.find(name))
        assert file.common.timeline or len(file.cells) > 1, "it has something to show"


def test_each_question_is_swept_in_the_simulator_and_says_what_answers_it() -> None:
    names = [name for name in shipped() if name.startswith("questions/")]
    answers = (CAMPAIGNS / "QUESTIONS.md").read_text()
    readme = (CAMPAIGNS.parent.parent / "README.md").read_text()
    assert names
    for name in names:
        file = campaign_file.load(campaign_file.find(name))
        planned = planner.build(file, lab_view.simulated(file))
        assert len(planned.trials) == 6 * len(file.cells) > 6
        comment = [line for line in file.text.splitlines() if line.startswith("# ")]
        commands = [line[4:] for line in comment if line.startswith("#   slotlab ")]
        assert commands[0] == f"slotlab run {name} --lab sim"
        assert len(commands) > 1
        assert all(command in answers for command in commands[1:])
        picture = (CAMPAIGNS / name).parent / "pictures" / f"{file.path.stem}.svg"
        assert f"harness/campaigns/questions/pictures/{picture.name})" in readme
        assert picture.is_file()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("at: 30s", "at: 30", "timeline[0].at: 30 has no unit; write 30s"),
        ("size: 256B", "size: 256", "load.size: 256 has no unit; write 256B"),
        (
            "shape: minority",
            "shape: half",
            "timeline[1].shape: 'half' is not known; write 'halves', 'majority', 'minority',"
            " 'one', 'ring' or 'bridge'",
        ),
        (
            "{max: 6s}",
            "{max: 6}",
            "expect.baseline.finality_latency_s.p95.max: 6 has no unit; write 6ms",
        ),
        (
            "always:",
            "alwayss:",
            "expect.alwayss: a list is what always has; write a map of figures",
        ),
        (
            "each_fault:",
            "each_faults:",
            "expect.each_faults.recovers_within: is of each_fault alone; write it there",
        ),
    ],
)
def test_a_mistake_is_one_line_naming_file_key_and_remedy(old: str, new: str, message: str) -> None:
    assert old in DEMO
    with pytest.raises(CampaignError) as caught:
        campaign_file.parse(DEMO.replace(old, new, 1), Path("demo.yml"))
    text = str(caught.value)
    assert text.startswith("demo.yml: ")
    assert "\n" not in text
    assert message in text


def test_a_key_with_x_in_front_is_ignored_anywhere() -> None:
    text = "x-anchor: {a: 1}\n" + DEMO.replace("{at: 30s,", "{at: 30s, x-note: why,")
    assert (
        campaign_file.parse(text, Path("demo.yml")).common
        == campaign_file.parse(DEMO, Path("demo.yml")).common
    )


def test_on_is_a_word_and_not_a_truth_value() -> None:
    assert campaign_file.parse(DEMO, Path("demo.yml")).common.timeline[2].whom == {"on": "one"}


def test_a_matrix_gives_one_cell_a_combination_with_its_values_filled_in() -> None:
    text = DEMO.replace("by: 300ms", "by: '${skew}'") + (
        "matrix: {skew: [0ms, 120ms], rate: [10/s, 20/s]}\n"
    )
    file = campaign_file.parse(text.replace("rate: 12/s", "rate: '${rate}'"), Path("demo.yml"))
    values = [(c.campaign.timeline[2].asked()["by_ns"], c.campaign.load.rate) for c in file.cells]  # type: ignore[union-attr]
    assert values == [(0, 10_000), (0, 20_000), (120_000_000, 10_000), (120_000_000, 20_000)]


def test_a_matrix_value_in_a_part_that_may_not_vary_is_refused() -> None:
    text = DEMO.replace("warmup: 10s", "warmup: '${s}'") + "matrix: {s: [10s]}\n"
    with pytest.raises(
        CampaignError, match=r"warmup: .* may stand in chain, load, zones and timeline on"
    ):
        campaign_file.parse(text, Path("demo.yml"))


SYSTEMS = """
schema: slotlab.campaign/v1
title: two systems, each at two loads
matrix: {rate: [10/s, 20/s], profile: [eosio, bitshares]}
chain: {profile: "${profile}", slot: 1s, blocks_per_turn: 2, timing: leap,
  bitshares: {undo_limit: 50}}
load: {rate: "${rate}"}
timeline: [{at: 20s, for: 5s, fault: partition, shape: minority}]
"""


def test_of_a_chain_whose_profile_varies_each_cell_has_what_its_own_profile_knows() -> None:
    cells = campaign_file.parse(SYSTEMS, Path("test.yml")).cells
    chains = [
        (c.profile, c.blocks_per_turn, c.timing, c.bitshares and c.bitshares.undo_limit)
        for c in (cell.campaign.chain for cell in cells)
    ]
    assert chains == [("eosio", 2, "leap", None), ("bitshares", 1, "fio", 50)] * 2


def test_cells_that_differ_in_their_chain_alone_are_drawn_as_the_first_of_them() -> None:
    cells = campaign_file.parse(SYSTEMS, Path("test.yml")).cells
    assert [cell.drawn_as for cell in cells] == [1, 1, 3, 3]
    same = campaign_file.parse(
        SYSTEMS.replace('"${profile}"', "bitshares").replace("2, timing: leap", "1"),
        Path("test.yml"),
    )
    assert [cell.drawn_as for cell in same.cells] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("slot: 1s", "slot: 1s, producers: '${n}'", "chain.producers: is what all cells share"),
        ("[eosio, bitshares]", "[eosio, bitshare]", "chain.profile: "),
        ("undo_limit: 50", "undo_limits: 50", "chain.bitshares.undo_limits: "),
    ],
)
def test_what_no_cell_of_several_chains_may_have_is_refused(
    old: str, new: str, message: str
) -> None:
    text = SYSTEMS.replace(old, new).replace("matrix: {", "matrix: {n: [4, 5], ")
    if "n}" not in new:
        text = text.replace("n: [4, 5], ", "")
    with pytest.raises(CampaignError) as caught:
        campaign_file.parse(text, Path("test.yml"))
    assert str(caught.value).startswith(f"test.yml: {message}")


def test_rtt_is_split_evenly_and_excludes_delay() -> None:
    text = DEMO.replace("delay: 80ms, jitter: 10ms", "rtt: 80ms")
    asked = campaign_file.parse(text, Path("demo.yml")).common.timeline[0].asked()
    assert asked["delay_ns"] == 40_000_000
    with pytest.raises(CampaignError, match="exactly one of delay"):
        campaign_file.parse(DEMO.replace("delay: 80ms", "delay: 80ms, rtt: 1s"), Path("demo.yml"))


def test_expectations_are_resolved_to_ns_and_ratios() -> None:
    resolved = expectations.resolve(
        {
            "always": ["no_double_sign"],
            "baseline": {
                "finality_latency_s": {"p95": {"max": "6s"}},
                "slots.missed_ratio": {"max": "1%"},
            },
            "each_fault": {"recovers_within": "30s", "slots.missed_ratio": {"max": "5%"}},
        }
    )
    assert resolved == {
        "always": ["no_double_sign"],
        "baseline": {
            "finality_latency_s": {"p95": {"max": 6_000_000_000}},
            "slots.missed_ratio": {"max": 0.01},
        },
        "each_fault": {"recovers_within": 30_000_000_000, "slots.missed_ratio": {"max": 0.05}},
    }
