"""`slotlab run --predict`: what the simulator says of a lab's hosts before they run."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.controller.console import Show, console_of
from harness.controller.store import RunFolder
from harness.errors import UsageError
from harness.orchestrator import run_sim
from harness.orchestrator.job import Job, RunOptions, job_of
from harness.orchestrator.run import report
from harness.plan.planner import LabView
from metrics.model.plan import PlannedHost
from metrics.model.run_folder import PredictionFile, load_prediction
from tests.sim.runs import simulated

CAMPAIGN = """
schema: slotlab.campaign/v1
title: short, and a delay
seed: 4
chain: {producers: 3, slot: 500ms, blocks_per_turn: 2}
warmup: 4s
safety: {max_unreachable: 1}
cooldown: 8s
timeline:
  - {id: slow, at: 12s, for: 12s, fault: delay, between: all, delay: 60ms}
"""
VIEW = LabView(
    lab="rack",
    hosts=tuple(
        PlannedHost(
            host=name, address=f"192.0.2.{n}", interface="eth0", zone="", node_port=9000,
            probe_port=9001,
        )
        for n, name in enumerate(("n1", "n2", "n3"), start=1)
    ),
    groups={},
)  # fmt: skip


def job(folder: Path, text: str = CAMPAIGN) -> Job:
    path = folder / "short.yml"
    path.write_text(text)
    return job_of(RunOptions(campaign=str(path), runs=folder))


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> PredictionFile:
    """Return what is predicted for the hosts of a rack."""
    show = Show(console_of(stderr=True))
    return run_sim.predicted(job(tmp_path_factory.mktemp("said")), VIEW, show, written_ns=5)


@pytest.mark.slow
def test_the_simulator_says_a_band_of_each_figure_and_phase(said: PredictionFile) -> None:
    (cell,) = said.foreseen.cells
    assert set(cell.phases) == {"all", "baseline", "slow", "recovery", "after"} & set(cell.phases)
    assert {"baseline", "slow"} <= set(cell.phases)
    lag = cell.phases["baseline"]["finality_lag_blocks.max"]
    assert (lag.low, lag.high, lag.n) == (8.0, 8.0, run_sim.PREDICTING)
    latency = [cell.phases[name]["finality_latency_s.p50"] for name in ("baseline", "slow")]
    assert all(band.low is not None and band.high is not None for band in latency)
    assert latency[0].high < latency[1].low  # type: ignore[operator]


@pytest.mark.slow
def test_a_run_shows_what_was_said_before_it_and_whether_that_is_so(
    said: PredictionFile, tmp_path: Path
) -> None:
    job(tmp_path)
    _, _, run = simulated(tmp_path / "short.yml", tmp_path / "runs")
    RunFolder(run).write_prediction(said)
    assert load_prediction(run) == said
    found = report(run, lambda text: None)["prediction"]["simulated"]
    assert (found["sha256"], found["intact"], found["before"]) == (said.sha256, True, True)
    rows = {(row["phase"], row["figure"]): row for row in found["rows"]}
    # The run's own trial is among those that were simulated, so it cannot lie outside.
    assert {trial[4] for row in rows.values() for trial in row["trials"]} == {True}
    assert rows["baseline", "finality_lag_blocks.max"]["band"] == [8.0, 8.0]
    page = (run / "report.html").read_text()
    assert said.sha256 in page
    assert f"{len(rows)} of {len(rows)} figures are as predicted" in page

    late = msgspec.structs.replace(said.foreseen, written_ns=2**62, seed=said.foreseen.seed + 1)
    RunFolder(run).write_prediction(msgspec.structs.replace(said, foreseen=late))
    found = report(run, lambda text: None)["prediction"]["simulated"]
    assert (found["intact"], found["before"]) == (False, False)
    assert "This prediction proves nothing" in (run / "report.html").read_text()


def test_what_cannot_be_simulated_is_refused_before_any_host_is_asked(tmp_path: Path) -> None:
    text = CAMPAIGN.replace(
        "fault: delay, between: all, delay: 60ms", "fault: cpu, on: one, share: 50%"
    )
    show = Show(console_of(stderr=True))
    with pytest.raises(UsageError, match=r"^--predict: .*cpu.*leave --predict out$"):
        run_sim.predicted(job(tmp_path, text), VIEW, show, written_ns=5)


def test_a_prediction_is_of_a_new_run_on_hosts() -> None:
    done = CliRunner().invoke(app, ["run", "smoke", "--lab", "sim", "--predict"])
    assert str(done.exception).startswith("--predict: it is of a new run on hosts")
