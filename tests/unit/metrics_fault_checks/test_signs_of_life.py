"""What is down, paused or without power gives no sign of life: one that does was not as asked."""

from __future__ import annotations

import pytest

from tests.unit.metrics_build import bend
from tests.unit.metrics_build.bend import Rebuilt


def quiet(lines: bend.Lines, host: str, *stretches: tuple[float, float]) -> None:
    """Leave out what the host's node wrote in the stretches."""
    gone = {
        id(line)
        for stretch in stretches
        for line in bend.within(lines[host], stretch)
        if line["node"] == host
    }
    lines[host] = [line for line in lines[host] if id(line) not in gone]
    bend.renumber(lines[host])


def test_a_node_that_was_down_as_asked(rebuilt: Rebuilt) -> None:
    assert bend.judged(rebuilt(), "kill-1") == ("installed", "", "as asked")


def test_a_dead_node_that_wrote(rebuilt: Rebuilt) -> None:
    def ghost(lines: bend.Lines) -> None:
        before = [line for line in lines["h3"] if line["kind"] == "process"]
        line = dict(next(line for line in before if bend.at(line) >= 65.0))
        line["mono_ns"] += 3_000_000_000
        line["wall_ns"] += 3_000_000_000
        lines["h3"].append(line)
        bend.renumber(lines["h3"])

    summary = rebuilt(ghost)
    found = bend.judged(summary, "kill-1")
    assert found == ("indeterminate", "h3's node wrote from 68.0 to 68.0 s", "")
    assert summary["verdict"] == "invalid"


def test_a_node_that_was_back_before_its_time(rebuilt: Rebuilt) -> None:
    def early(lines: bend.Lines) -> None:
        back = [line for line in lines["h3"] if line["kind"] == "started"][1]
        back["mono_ns"] -= 2_000_000_000
        back["wall_ns"] -= 2_000_000_000
        bend.renumber(lines["h3"])

    found = bend.judged(rebuilt(early), "kill-1")
    assert found == ("indeterminate", "h3's node wrote from 69.1 to 69.1 s", "")


@pytest.mark.parametrize(
    ("silent", "found"),
    [
        ([(90.0, 110.0)], ("installed", "", "as asked")),
        ([(90.4, 109.7)], ("installed", "", "as asked")),
        (
            [(90.0, 97.0), (99.0, 110.0)],
            ("indeterminate", "h2's node wrote from 97.0 to 98.6 s", ""),
        ),
        ([(90.0, 106.0)], ("indeterminate", "h2's node wrote from 106.0 to 109.5 s", "")),
    ],
)
def test_a_node_that_worked_in_its_pause(
    bent: Rebuilt, silent: list[tuple[float, float]], found: tuple[str, str, str]
) -> None:
    planned = bend.fault("pause", ["h2"], {})
    summary = bent(planned, lambda lines: quiet(lines, "h2", *silent))
    assert bend.judged(summary, "pause-x") == found


@pytest.mark.parametrize("kind", ["power_cut", "freeze_host", "link_down"])
def test_a_host_that_answered_while_it_was_cut_off(bent: Rebuilt, kind: str) -> None:
    """It was away for as long as asked, only later than asked."""

    def late(lines: bend.Lines) -> None:
        bend.silence(lines, "h3", writes=kind == "link_down", begin=96.0, back=116.0)

    planned = bend.fault(kind, ["h3"], {})
    summary = bent(planned, late, provider=True)
    state, reason, _ = bend.judged(summary, f"{kind}-x")
    assert state == "indeterminate"
    assert reason.startswith("h3 was alive from 9")
    assert " to 95." in reason
