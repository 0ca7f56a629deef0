"""What a report takes of runs of 21 hosts, beside unpacking and decoding the same lines alone.

One run is a simulated one of MINUTES in one trial; the other has the same trial again and again,
until it has EVENTS.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path

import msgspec

from harness.bench.rig.machine import slotlab
from harness.bench.row import Row
from harness.bench.simulator import CAMPAIGN
from metrics.intake.lines import event_lines
from metrics.intake.lines.event_rows import DECODER
from metrics.model import run_folder
from metrics.model.plan import encode
from metrics.model.run_folder import MADE_AGAIN

MINUTES = 10
RATE = 1
EVENTS = 10_000_000


def rows() -> list[Row]:
    """Return the seconds of a processor a million events, those that pass, and the most memory."""
    with tempfile.TemporaryDirectory(prefix="slotlab-") as name:
        folder = Path(name)
        campaign = folder / "bench.yml"
        campaign.write_text(CAMPAIGN.format(producers=21, rate=RATE, minutes=MINUTES))
        slotlab("run", str(campaign), "--lab", "sim", "--runs", str(folder))
        run = (folder / "bench" / "latest").resolve()
        begun_s = time.process_time()
        events = _decoded(run)
        floor_s = (time.process_time() - begun_s) / events * 1e6
        once = _rows(run, "1 trial", events, floor_s)
        times = -(-EVENTS // events)
        repeat(run, times)
        return once + _rows(run, f"{times} trials", times * events, floor_s)


def repeat(run: Path, times: int) -> None:
    """Give a run of one trial that trial again, so many times in all."""
    plan = run_folder.load_plan(run)
    (first,) = plan.trials
    trials = [msgspec.structs.replace(first, n=n) for n in range(first.n, first.n + times)]
    for trial in trials[1:]:
        folder = run_folder.trial_folder(run, trial.n)
        shutil.copytree(
            run_folder.trial_folder(run, first.n), folder, copy_function=os.link,
            ignore=shutil.ignore_patterns("trial.json", *MADE_AGAIN),
        )  # fmt: skip
        file = run_folder.load_trial(run, first.n)
        assert file is not None
        again = msgspec.structs.replace(file, n=trial.n)
        (folder / "trial.json").write_bytes(msgspec.json.encode(again))
    (run / "plan.json").write_bytes(encode(msgspec.structs.replace(plan, trials=trials)))


def _rows(run: Path, trials: str, events: int, floor_s: float) -> list[Row]:
    took = slotlab("report", str(run))
    what = f"21 hosts, {trials}, {events:,} events"
    return [
        Row(
            bench="report", what=what, unit="s of a processor a million events", n=events,
            value=took.processor_s / events * 1e6, floor=floor_s,
            floor_is="each line unpacked and decoded once",
        ),
        Row(bench="report", what=f"{what}, until it is there", unit="s", n=1, value=took.passed_s),
        Row(
            bench="report", what=f"{what}, memory of all processes at most", unit="MB", n=1,
            value=took.most_mb,
        ),
    ]  # fmt: skip


def _decoded(run: Path) -> int:
    """Return how many events a run has, after decoding each."""
    files = (f for host in run.glob("trials/*/hosts/*") for f in event_lines.files_of(host))
    return sum(
        len(DECODER.decode_lines(piece)) for file in files for piece in event_lines.pieces(file)
    )
