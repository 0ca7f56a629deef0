"""Faults of links and whole hosts against their known truth, and what makes a trial invalid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from metrics.fault_checks.probe_bursts import Burst
from tests.unit.metrics_build import bend
from tests.unit.metrics_build.bend import Rebuilt

OTHERS = ("h1", "h2", "h4")


def _slow(jitter_ns: int) -> dict[str, Any]:
    asked = {"delay_ns": 50_000_000, "jitter_ns": jitter_ns}
    pairs = [["h1", "h2"], ["h1", "h3"]]
    planned: dict[str, Any] = bend.fault("delay", ["h1", "h2", "h3"], asked, pairs=pairs)
    return planned


def test_a_burst_is_inside_a_window_only_if_its_last_answer_is() -> None:
    ms = 10**6
    rtts = [1400 * ms, 700 * ms]
    burst = Burst("h1", "h2", "path", 9000 * ms, 9700 * ms, True, 8, 8, rtts)
    assert burst.inside(8300 * ms, 10_900 * ms)
    assert not burst.inside(8300 * ms, 10_899 * ms)


def test_a_one_way_cut_is_told_by_who_dropped(bent: Rebuilt) -> None:
    planned = bend.fault("cut", ["h1"], {}, pairs=[["h1", "h2"]])
    healed = {"dropped": {"input": 321, "output": 0}}
    summary = bent(planned, lambda lines: bend.lose(lines, [("h1", "h2")], 1.0), healed=healed)
    found = bend.result(summary, "cut-x")
    assert found["state"] == "installed"
    assert found["measured"]["lost"] == found["measured"]["sent"] > 200
    assert found["measured"]["dropped"] == {"h2": 321}
    assert summary["verdict"] == "pass"


@pytest.mark.parametrize(
    ("dropped", "reason"),
    [
        ({"input": 0, "output": 0}, "h2 dropped nothing"),
        ({"input": 9, "output": 9}, "h2 dropped the other way, too"),
    ],
)
def test_a_cut_that_drops_otherwise_is_indeterminate(
    bent: Rebuilt, dropped: dict[str, int], reason: str
) -> None:
    planned = bend.fault("cut", ["h1"], {}, pairs=[["h1", "h2"]])
    summary = bent(
        planned, lambda lines: bend.lose(lines, [("h1", "h2")], 1.0), healed={"dropped": dropped}
    )
    found = bend.result(summary, "cut-x")
    assert (found["state"], found["reason"]) == ("indeterminate", reason)
    assert summary["verdict"] == "invalid"


@pytest.mark.parametrize(("asked", "real", "state"), [
    (0.3, 0.3, "installed"), (1.0, 1.0, "installed"), (0.3, 0.02, "indeterminate"),
])  # fmt: skip
def test_a_loss_is_measured_one_way_with_its_interval(
    bent: Rebuilt, asked: float, real: float, state: str
) -> None:
    pairs = [["h1", "h2"], ["h1", "h4"], ["h2", "h4"]]
    planned = bend.fault("loss", list(OTHERS), {"share": asked}, pairs=pairs)
    healed = {"seen": 1000, "dropped": {"input": 300}}
    summary = bent(
        planned,
        lambda lines: bend.lose(lines, [tuple(pair) for pair in pairs], real),
        healed=healed,
    )
    found = bend.result(summary, "loss-x")
    assert found["state"] == state
    assert found["measured"]["share"] == pytest.approx(real, abs=0.04)
    low, high = found["measured"]["share_ci"]
    assert low - 0.02 <= real <= high + 1e-6
    assert found["measured"]["by_receiver"]["h2"] == {"lost": 300, "sent": 1000}


@pytest.mark.parametrize(("jitter_ns", "by", "measured_ms"), [
    (0, "fastest", 50), (5_000_000, "median", 70),
])  # fmt: skip
def test_waiting_on_busy_hosts_is_not_taken_for_a_constant_delay(
    bent: Rebuilt, jitter_ns: int, by: str, measured_ms: float
) -> None:
    planned = _slow(jitter_ns)
    summary = bent(planned, lambda lines: bend.slow(lines, 0.050, 0.040))
    measured = bend.result(summary, "delay-x")["measured"]
    assert measured["by"] == by
    assert measured["delay_ms"] == pytest.approx(measured_ms, abs=0.5)
    assert measured["median_ms"] == pytest.approx(70, abs=0.5)
    assert measured["pairs"].keys() == {"h1-h2", "h1-h3"}
    assert (measured["judged"] == "as asked") == (jitter_ns == 0)


def test_one_packet_that_was_not_delayed_makes_a_delay_indeterminate(bent: Rebuilt) -> None:
    def leak(lines: bend.Lines) -> None:
        bend.slow(lines, 0.050, 0.040)
        for host in ("h1", "h2", "h3"):
            for line in bend.within(lines[host], (100.0, 103.0)):
                if line["kind"] == "probe" and line["flow"] == "path":
                    line["rtts_ns"][3] -= 140_000_000

    planned = _slow(0)
    summary = bent(planned, leak)
    found = bend.result(summary, "delay-x")
    assert (found["state"], found["reason"]) == (
        "indeterminate", "measured delay is off by -100 %",
    )  # fmt: skip
    assert summary["verdict"] == "invalid"


def test_a_host_without_power_boots_again_and_stays_on_the_time_line(bent: Rebuilt) -> None:
    def cut(lines: bend.Lines) -> None:
        bend.silence(lines, "h3", writes=False, back=bend.WINDOW[1] + 4)
        bend.reboot(lines, "h3", bend.WINDOW[1] + 4)

    planned = bend.fault("power_cut", ["h3"], {})
    summary = bent(planned, cut, provider=True)
    found = bend.result(summary, "power_cut-x")
    assert (found["state"], found["how"]) == ("installed", "here")
    least, most = found["measured"]["silent_s"]["h3"]
    assert 22 <= least <= 24 <= most <= 26
    assert not [text for text in summary["invalid"] if "contradict" in text or "reboot" in text]
    after = summary["cells"][0]["phases"]["after"]["propagation_ms"]["h1"]["h3"]
    assert after["min"] == pytest.approx(1.0, abs=0.5)
    assert after["unknown"] == 0


def test_a_host_that_only_lost_its_link_keeps_its_boot(bent: Rebuilt) -> None:
    planned = bend.fault("link_down", ["h3"], {})
    summary = bent(planned, lambda lines: bend.silence(lines, "h3", writes=True), provider=True)
    found = bend.result(summary, "link_down-x")
    least, most = found["measured"]["silent_s"]["h3"]
    assert 18 <= least <= 20 <= most <= 22
    assert found["state"] == "installed"


def test_a_host_whose_clock_stood_still_with_it_stays_on_the_time_line(bent: Rebuilt) -> None:
    def freeze(lines: bend.Lines) -> None:
        bend.silence(lines, "h3", writes=False)
        bend.reboot(lines, "h3", bend.WINDOW[1], lost_s=20.0, suffix="")

    planned = bend.fault("freeze_host", ["h3"], {})
    summary = bent(planned, freeze, provider=True)
    found = bend.result(summary, "freeze_host-x")
    least, most = found["measured"]["silent_s"]["h3"]
    assert 18 <= least <= 20 <= most <= 22.5
    assert found["state"] == "installed"
    assert not [text for text in summary["invalid"] if "contradict" in text]
    after = summary["cells"][0]["phases"]["after"]["propagation_ms"]["h1"]["h3"]
    assert after["p50"] == pytest.approx(1.0, abs=0.5)
    assert after["error"]["p50"][1] < 1.5


def test_a_host_that_went_on_answering_was_not_cut_off(bent: Rebuilt) -> None:
    planned = bend.fault("power_cut", ["h3"], {})
    summary = bent(planned, provider=True)
    found = bend.result(summary, "power_cut-x")
    assert found["state"] == "indeterminate"
    assert found["reason"].startswith("h3 was alive from 90.")


def test_a_host_that_booted_unasked_makes_the_run_invalid(rebuilt: Rebuilt) -> None:
    summary = rebuilt(lambda lines: bend.reboot(lines, "h2", 95.0), end=bend.END)
    assert "trial 1: h2 rebooted, which nobody asked for" in summary["invalid"]
    assert summary["verdict"] == "invalid"


@pytest.mark.parametrize(("early_s", "verdict"), [(0.048, "pass"), (0.056, "invalid")])
def test_an_end_more_than_50_ms_early_makes_the_run_invalid(
    bent: Rebuilt, early_s: float, verdict: str
) -> None:
    planned = bend.fault("unheard_of", ["h1"], {"by_ns": 1})
    summary = bent(planned, early_s=early_s)
    found = bend.result(summary, "unheard_of-x")
    assert summary["verdict"] == verdict
    assert found["ended_early"] == (verdict == "invalid")
    assert not {"judged", "by_ms"} & found["measured"].keys()


@pytest.mark.parametrize(("late_s", "state", "reason"), [
    (0.9, "installed", ""), (12.4, "indeterminate", "began 12.4 s late"),
])  # fmt: skip
def test_a_fault_that_began_more_than_a_second_late_is_doubtful(
    bent: Rebuilt, late_s: float, state: str, reason: str
) -> None:
    planned = bend.fault("unheard_of", ["h1"], {"by_ns": 1})
    summary = bent(planned, late_s=late_s)
    found = bend.result(summary, "unheard_of-x")
    assert (found["state"], found["reason"]) == (state, reason)


def test_a_part_of_a_host_that_differs_afterwards_makes_the_run_invalid(rebuilt: Rebuilt) -> None:
    def other(run: Path) -> None:
        for word, tick in (("before", 10_000), ("after", 10_002)):
            path = run / f"trials/1/hosts/h2/{word}.json"
            state = json.loads(path.read_text())
            path.write_text(json.dumps(state | {"clock": {"tick": tick}}))

    summary = rebuilt(files=other)
    assert "trial 1: h2: clock differs after healing" in summary["invalid"]
    assert summary["verdict"] == "invalid"
