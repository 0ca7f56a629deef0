"""Faults on top of each other in the simulator: they add up, and each is measured by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.sim.runs import simulated

HEAD = """\
schema: slotlab.campaign/v1
title: layers
seed: 11
chain: {profile: eosio, producers: 3, slot: 500ms, blocks_per_turn: 2}
warmup: 10s
cooldown: 10s
timeline:
"""


def faults(tmp_path: Path, timeline: str) -> dict[str, dict[str, Any]]:
    """Return what is written of each fault of a simulated run."""
    path = tmp_path / "layers.yml"
    path.write_text(HEAD + timeline)
    _, summary, _ = simulated(path, tmp_path / "runs")
    return {fault["id"]: fault for fault in summary["faults"]}


def test_a_delay_on_top_of_others_is_measured_apart(tmp_path: Path) -> None:
    found = faults(tmp_path, """\
  - {id: base, at: 20s, for: 40s, fault: delay, between: all, delay: 40ms}
  - {id: more, at: 30s, for: 20s, fault: delay, between: all, delay: 25ms}
  - {id: wild, at: 35s, for: 10s, fault: delay, between: [n1, n2], delay: 30ms, jitter: 10ms}
  - {id: lost, at: 30s, for: 15s, fault: loss, between: all, share: 20%}
""")  # fmt: skip
    assert {name: fault["state"] for name, fault in found.items()} == dict.fromkeys(
        ("base", "more", "wild", "lost"), "installed"
    )
    measured = {name: found[name]["measured"] for name in ("base", "more", "wild")}
    assert "under" not in measured["base"]
    assert measured["more"]["under"] == ["base"]
    assert measured["wild"]["under"] == ["base", "more"]
    assert measured["base"]["delay_ms"] == pytest.approx(40, abs=1)
    assert measured["more"]["delay_ms"] == pytest.approx(25, abs=1)
    assert measured["wild"]["delay_ms"] == pytest.approx(30, abs=2)
    low, high = found["lost"]["measured"]["share_ci"]
    assert low < 0.2 < high


def test_a_delay_that_is_another_on_the_way_back_is_measured_each_way(tmp_path: Path) -> None:
    found = faults(tmp_path, """\
  - {id: uneven, at: 20s, for: 15s, fault: delay, between: [n3, [n1, n2]], delay: 40ms, back: 10ms}
""")["uneven"]  # fmt: skip
    measured = found["measured"]
    assert (found["state"], measured["judged"]) == ("installed", "as asked")
    assert measured["delay_ms"] == pytest.approx(25, abs=0.5)
    for name, asked_ms in (("forth", 40), ("back", 10)):
        low, high = measured[name]["interval_ms"]
        assert low < asked_ms < high
    assert measured["forth"]["ways"].keys() == {"n3-n1", "n3-n2"}
    assert measured["back"]["ways"].keys() == {"n1-n3", "n2-n3"}


def test_a_loss_on_top_of_another_is_measured_apart(tmp_path: Path) -> None:
    found = faults(tmp_path, """\
  - {id: base, at: 20s, for: 60s, fault: loss, between: all, share: 30%}
  - {id: more, at: 30s, for: 30s, fault: loss, between: all, share: 15%}
""")  # fmt: skip
    for name, share in (("base", 0.3), ("more", 0.15)):
        assert found[name]["state"] == "installed"
        low, high = found[name]["measured"]["share_ci"]
        assert low < share < high
        assert high - low < 0.15
    assert found["more"]["measured"]["under"] == ["base"]


@pytest.mark.parametrize("name", ["normal", "pareto", "paretonormal"])
def test_a_jitter_is_spread_as_its_distribution_says(tmp_path: Path, name: str) -> None:
    timeline = "  - {at: 20s, for: 30s, fault: delay, between: all, delay: 60ms, jitter: 15ms,"
    (found,) = faults(tmp_path, f"{timeline} distribution: {name}}}\n").values()
    measured = found["measured"]
    assert (found["state"], measured["judged"]) == ("installed", "as asked")
    assert measured["delay_ms"] == pytest.approx(measured["expected_ms"], abs=2)
    assert (measured["expected_ms"] < 58) == (name != "normal")


def test_losses_come_in_bursts_and_wrong_bits_are_lost(tmp_path: Path) -> None:
    found = faults(tmp_path, """\
  - {id: burst, at: 20s, for: 30s, fault: loss, between: all, share: 20%, burst: 6}
  - {id: wrong, at: 60s, for: 30s, fault: corrupt, between: all, share: 10%}
""")  # fmt: skip
    for name, share in (("burst", 0.2), ("wrong", 0.1)):
        low, high = found[name]["measured"]["share_ci"]
        assert low < share < high
        assert found[name]["state"] == "installed"
    widths = [
        found[n]["measured"]["share_ci"][1] - found[n]["measured"]["share_ci"][0] for n in found
    ]
    assert widths[0] > 2 * widths[1], "what comes in bursts is known less well"


def test_late_packets_and_a_rate_are_measured(tmp_path: Path) -> None:
    found = faults(tmp_path, """\
  - {id: late, at: 20s, for: 30s, fault: reorder, between: all, share: 20%, by: 40ms}
  - {id: slow, at: 60s, for: 20s, fault: rate, between: all, rate: 64kbit}
  - {id: base, at: 90s, for: 30s, fault: delay, between: all, delay: 30ms}
  - {id: more, at: 95s, for: 20s, fault: reorder, between: all, share: 30%, by: 50ms}
""")  # fmt: skip
    assert {name: fault["state"] for name, fault in found.items()} == dict.fromkeys(
        found, "installed"
    )
    for name, share, by_ms in (("late", 0.2, 40), ("more", 0.3, 50)):
        measured = found[name]["measured"]
        low, high = measured["share_ci"]
        assert low < share < high
        assert measured["by_ms"] == pytest.approx(by_ms, abs=2)
    assert found["slow"]["measured"]["longer_ms"] == pytest.approx(608 / 64, abs=1)
    assert found["base"]["measured"]["delay_ms"] == pytest.approx(30, abs=1)


def test_a_block_takes_its_time_at_a_limited_rate(tmp_path: Path) -> None:
    path = tmp_path / "layers.yml"
    load = "load: {rate: 40/s, size: 256B}\n"
    text = "  - {id: slow, at: 20s, for: 30s, fault: rate, between: all, rate: 200kbit}\n"
    path.write_text(HEAD.replace("timeline:", f"{load}timeline:") + text)
    _, summary, _ = simulated(path, tmp_path / "runs")
    (cell,) = summary["cells"]
    spread = {
        name: max(q["p50"] for to in cell["phases"][name]["propagation_ms"].values()
                  for q in to.values())
        for name in ("baseline", "slow")
    }  # fmt: skip
    assert spread["slow"] > 10 * spread["baseline"]


def test_two_that_begin_and_end_as_one_cannot_be_told_apart_and_neither_passes(
    tmp_path: Path,
) -> None:
    found = faults(tmp_path, """\
  - {id: one, at: 20s, for: 20s, fault: delay, between: all, delay: 40ms}
  - {id: two, at: 20s, for: 20s, fault: delay, between: all, delay: 25ms}
""")  # fmt: skip
    for name in ("one", "two"):
        assert found[name]["state"] == "indeterminate"
        assert found[name]["reason"] == "no path probes to measure the delay with"
