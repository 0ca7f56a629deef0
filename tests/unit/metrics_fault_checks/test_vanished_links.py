"""A link that was open, or whole, for a part of its fault only was not as asked."""

from __future__ import annotations

import pytest

from tests.unit.metrics_build import bend
from tests.unit.metrics_build.bend import Rebuilt

PAIRS = [["h1", "h2"], ["h1", "h3"], ["h2", "h3"]]
WAYS = [(a, b) for a, b in PAIRS]


@pytest.mark.parametrize(
    ("lost", "found"),
    [
        ([(90.0, 110.0)], ("installed", "", "as asked")),
        (
            [(90.0, 95.0), (103.0, 110.0)],
            ("indeterminate", "0 % of the packets were lost from 98.1 to 101.3 s", ""),
        ),
        (
            [(90.0, 102.0)],
            ("indeterminate", "0 % of the packets were lost from 102.1 to 109.3 s", ""),
        ),
    ],
)
def test_a_loss_that_was_gone_for_two_fifths_of_its_window(
    bent: Rebuilt, lost: list[tuple[float, float]], found: tuple[str, str, str]
) -> None:
    def lose(lines: bend.Lines) -> None:
        for window in lost:
            bend.lose(lines, WAYS, 0.3, window)

    planned = bend.fault("loss", ["h1", "h2", "h3"], {"share": 0.3}, pairs=PAIRS)
    summary = bent(planned, lose)
    assert bend.judged(summary, "loss-x") == found
    assert (summary["verdict"] == "pass") == (found[0] == "installed")


def test_a_loss_that_one_pair_never_had(bent: Rebuilt) -> None:
    planned = bend.fault("loss", ["h1", "h2", "h3"], {"share": 0.05}, pairs=PAIRS)
    summary = bent(planned, lambda lines: bend.lose(lines, WAYS[:2], 0.06))
    reason = "0 % of the packets were lost between h2 and h3 from 91.1 to 109.3 s"
    assert bend.judged(summary, "loss-x") == ("indeterminate", reason, "")


def test_a_cut_that_let_through_for_two_seconds(bent: Rebuilt) -> None:
    def lose(lines: bend.Lines) -> None:
        for window in ((90.0, 97.0), (99.0, 110.0)):
            bend.lose(lines, [("h1", "h2")], 1.0, window)

    planned = bend.fault("cut", ["h1"], {}, pairs=[["h1", "h2"]])
    healed = {"dropped": {"input": 321, "output": 0}}
    summary = bent(planned, lose, healed=healed)
    reason = "32 exchanges got through the cut, between h1 and h2 from 97.3 to 98.3 s"
    assert bend.judged(summary, "cut-x") == ("indeterminate", reason, "")


def test_a_partition_that_let_through_for_two_seconds(rebuilt: Rebuilt) -> None:
    def heal(lines: bend.Lines) -> None:
        whole = [x for x in lines["h1"] if x["kind"] == "probe" and x["flow"] == "clock"]
        for line in [x for x in lines["h1"] if x["kind"] == "probe" and not x["received"]]:
            if 39.0 <= bend.at(line) - 2.5 < 41.0:
                same = [x for x in whole if x["peer"] == line["peer"]]
                answered = min(same, key=lambda x: abs(x["mono_ns"] - line["mono_ns"]))
                line |= {key: answered[key] for key in (*bend.STAMPS, "received", "rtts_ns")}

    summary = rebuilt(heal)
    reason = "16 path probes crossed the partition, between h1 and h4 from 39.3 to 40.3 s"
    assert bend.judged(summary, "partition-1") == ("indeterminate", reason, "")


def test_a_cut_that_nobody_probed_for_a_while(bent: Rebuilt) -> None:
    def forget(lines: bend.Lines) -> None:
        bend.lose(lines, [("h1", "h2")], 1.0)
        for host in ("h1", "h2"):
            gone = {
                id(line)
                for line in bend.within(lines[host], (99.5, 106.5))
                if line["kind"] == "probe" and line["flow"] == "path"
            }
            lines[host] = [line for line in lines[host] if id(line) not in gone]
            bend.renumber(lines[host])

    planned = bend.fault("cut", ["h1"], {}, pairs=[["h1", "h2"]])
    healed = {"dropped": {"input": 321, "output": 0}}
    summary = bent(planned, forget, healed=healed)
    reason = "no path probes between h1 and h2 from 96.3 to 104.3 s"
    assert bend.judged(summary, "cut-x") == ("indeterminate", reason, "")


def test_what_passed_before_a_slow_host_had_its_cut_is_no_leak(bent: Rebuilt) -> None:
    end = bend.WINDOW[1]
    due = {"at_ns": 89_500_000_000, "for_ns": round(end * 1e9) - 89_500_000_000}
    planned = bend.fault("cut", ["h1"], {}, pairs=[["h1", "h2"]], **due)
    healed = {"dropped": {"input": 321, "output": 0}}
    summary = bent(
        planned,
        lambda lines: bend.lose(lines, [("h1", "h2")], 1.0, (90.4, end)),
        healed=healed,
        late_s=0.45,
    )
    assert bend.judged(summary, "cut-x") == ("installed", "", "as asked")
