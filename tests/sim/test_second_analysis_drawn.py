"""The second analysis agrees with the first on simulations that nobody chose."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from harness.__main__ import app
from harness.errors import PlanError
from tests.sim.second import summary

HOSTS = ("n1", "n2", "n3", "n4")
EXPECT: dict[str, Any] = {
    "baseline": {"finality_latency_s": {"p50": {"max": "4s"}}, "slots.missed_ratio": {"max": "1%"}},
    "each_fault": {"recovers_within": "8s"},
}


def _pair(kind: str, **more: str) -> st.SearchStrategy[dict[str, Any]]:
    ends = st.permutations(HOSTS).map(lambda hosts: {"from": hosts[0], "to": hosts[1]})
    return ends.map(lambda pair: {"fault": kind, **pair, **more})


FAULTS = st.one_of(
    st.integers(5, 120).map(
        lambda ms: {"fault": "delay", "between": "all", "delay": f"{ms}ms", "jitter": "4ms"}
    ),
    st.sampled_from(HOSTS).map(
        lambda host: {"fault": "partition", "shape": [[host], [h for h in HOSTS if h != host]]}
    ),
    st.just({"fault": "partition", "shape": [["n1", "n2"], ["n3", "n4"]]}),
    _pair("cut"),
    st.tuples(st.sampled_from(HOSTS), st.integers(-900, 900)).map(
        lambda both: {"fault": "clock_step", "on": both[0], "by": f"{both[1]}ms"}
    ),
    st.tuples(st.sampled_from(HOSTS), st.integers(100, 900)).map(
        lambda both: {"fault": "clock_drift", "on": both[0], "by": f"{both[1]}ppm"}
    ),
    st.tuples(st.sampled_from(HOSTS), st.integers(-900, 900)).map(
        lambda both: {"fault": "ntp_offset", "on": both[0], "by": f"{both[1]}ms"}
    ),
    st.integers(5, 90).map(lambda share: {"fault": "loss", "between": "all", "share": f"{share}%"}),
    st.sampled_from(("ntp_cut", "pause", "freeze_host", "link_down")).flatmap(
        lambda kind: st.sampled_from(HOSTS).map(lambda host: {"fault": kind, "on": host})
    ),
    st.sampled_from(HOSTS).map(lambda host: {"fault": "kill", "on": host}),
)


@st.composite
def campaigns(draw: st.DrawFn, profile: str) -> dict[str, Any]:
    """Return a short campaign of up to three faults, overlapping or not.

    A plan refuses two of one kind on one host at once, or they lie on top of each other, which only
    the first analysis can tell apart: such draws are thrown away.
    """
    timeline, at = [], 8.0
    busy_until: dict[str, float] = {}
    for i in range(draw(st.integers(1, 3))):
        at += draw(st.integers(0, 12)) / 2
        fault = draw(FAULTS)
        half_seconds = draw(st.integers(8, 16))
        lasts = f"{half_seconds * 500}ms"
        if fault["fault"] in ("delay", "loss"):
            assume(at >= busy_until.get(fault["fault"], 0.0))
            busy_until[fault["fault"]] = at + half_seconds / 2
        how_long = {"restart_after": lasts} if fault["fault"] == "kill" else {"for": lasts}
        timeline.append({"id": f"f{i}", "at": f"{round(at * 1e3)}ms", **how_long, **fault})
        at += 1.5
    return {
        "schema": "slotlab.campaign/v1",
        "title": "drawn",
        "seed": draw(st.integers(1, 10**6)),
        "chain": {"profile": profile, "producers": 4, "slot": "1s"}
        if profile == "bitshares"
        else {"profile": profile, "producers": 4, "slot": "500ms", "blocks_per_turn": 2},
        "load": {"rate": "4/s"},
        "trials": {"repeat": draw(st.sampled_from((1, 1, 2, 6)))},
        "warmup": "5s",
        "cooldown": "12s",
        "safety": {"max_unreachable": 4},
        "expect": EXPECT,
        "timeline": timeline,
    }


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("profile", ["eosio", "bitshares"])
def test_both_analyses_agree_on_every_figure_of_a_drawn_simulation(profile: str) -> None:
    @settings(
        max_examples=5, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(campaigns(profile))
    def agree(campaign: dict[str, Any]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "drawn.yml"
            path.write_text(yaml.safe_dump(campaign))
            words = ["run", str(path), "--lab", "sim", "--runs", folder, "--json"]
            done = CliRunner().invoke(app, words)
            assume(not isinstance(done.exception, PlanError))
            run = (Path(folder) / "drawn" / "latest").resolve()
            assert (run / "summary.json").exists(), done.output
            told = json.loads((run / "summary.json").read_text())
            assert summary.compare(run, told) == []

    agree()
