"""A campaign in the simulator, from file to report: the same run folder as a real lab's.

Below trials/ and tables/, in summary.json and in report.html (its provenance section aside) the
same campaign and seed give the same bytes, in any process.
"""

import os
import shlex
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import zstandard

from faults.host.boottime import boottime_ns
from harness.controller import store
from harness.controller.console import Show
from harness.controller.seals import seal
from harness.controller.store import RunFolder
from harness.errors import Interrupted, PlanError, UsageError
from harness.notation.units import text_of_ns
from harness.orchestrator.course import Course, each_ns
from harness.orchestrator.job import Job, RunOptions, how_to_go_on
from harness.orchestrator.obstacles import check_space
from harness.orchestrator.run import Outcome, reported
from harness.plan import lab_view, planner, selection
from harness.plan.planner import LabView
from harness.plan.warnings import warnings
from harness.sim.campaign import Simulated, simulate
from harness.testbed.collect import ZSTD_LEVEL
from metrics import build
from metrics.model.plan import SIM, PlannedTrial
from metrics.model.run_folder import PredictionFile, TrialFile
from metrics.results import foreseen

PREDICTING = 9
"""So many trials of a cell at least are simulated: 8 of 10 times a next one is in their band."""


def run(job: Job, show: Show) -> Outcome:
    """Return the outcome of the whole job, reported.

    Raises:
        OperatorError: the campaign or what is asked of it is wrong; nothing was done.
        RunError: the disk or the report failed.
        Interrupted: Ctrl-C; the trials that have ended are kept.
    """
    planned = job.planned(lab_view.simulated(job.file))
    if job.whole:
        assert job.begun is not None
        return reported(job.begun.folder.path, planned, show)
    lab = {"lab": SIM, "hosts": [{"host": host.host} for host in planned.hosts]}
    with job.opened(planned, lab, show) as (folder, trials):
        show.step(
            f"{job.file.name}: {len(trials)} trial(s) on {len(planned.hosts)} simulated hosts"
        )
        for text in warnings(job.file, planned):
            show.step(f"warning: {text}")
        course = Course(planned, trials, guess_ns=each_ns(planned))
        try:
            for trial in trials:
                check_space(folder, planned)
                course.begin(boottime_ns())
                write(folder, trial, simulate(planned, trial, tell=_teller(show, trial, course)))
                seal(folder, planned, trial)
                course.end(boottime_ns())
        except KeyboardInterrupt:
            raise Interrupted(f"stopped by the operator; {how_to_go_on(folder.path)}") from None
    return reported(folder.path, planned, show)


def predicted(job: Job, view: LabView, show: Show, *, written_ns: int) -> PredictionFile:
    """Return what the simulator predicts for the trials of a job on the hosts of a lab.

    The same campaign is planned for these hosts as if they were simulated, with at least so many
    trials of each cell as make a band; their figures are all that is kept.

    Raises:
        OperatorError: the campaign cannot be run there, or has what cannot be simulated.
    """
    cells = {trial.cell for trial in selection.chosen(job.drafted(view), job.only)}
    added = max(PREDICTING - job.file.common.trials.repeat, 0)
    try:
        plan = planner.build(job.file, replace(view, lab=SIM), seed=job.seed, added=added)
    except PlanError as error:
        raise UsageError(f"--predict: {error}; leave --predict out") from error
    trials = [trial for trial in plan.trials if trial.cell in cells]
    with tempfile.TemporaryDirectory(prefix="slotlab-predict-") as place:
        folder = store.create(
            plan, campaign=job.file.text, beside=job.file.beside, resolved=job.file.resolved,
            lab={"lab": SIM}, root=Path(place), name=store.new_name(),
        )  # fmt: skip
        for done, trial in enumerate(trials, start=1):
            show.tick(f"predicting: simulating trial {done} of {len(trials)}")
            write(folder, trial, simulate(plan, trial))
        figures = build.figures(folder.path, show.tick)
    return foreseen.of_figures(plan, figures, written_ns=written_ns)


def repeat_line(options: RunOptions, outcome: Outcome) -> str:
    """Return the command that runs the same again, byte for byte."""
    campaign = options.campaign or str(outcome.folder / "campaign.yml")
    words = ["slotlab", "run", campaign, "--lab", SIM, "--seed", str(outcome.plan.seed)]
    for only in options.only:
        words += ["--only", only]
    return shlex.join(words)


def _teller(show: Show, trial: PlannedTrial, course: Course) -> Callable[[int], None]:
    """Return what shows how far a trial is."""
    whole, name = text_of_ns(course.plan.end_ns), course.name(trial)

    def tell(to_ns: int) -> None:
        left = course.left(boottime_ns())
        show.tick(f"{name}: simulated {text_of_ns(to_ns)} of {whole}{left and f'; {left}'}")

    show.tick(f"{name}: simulating {whole}")
    return tell


def _packed(lines: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).compress(lines)


def write(folder: RunFolder, trial: PlannedTrial, done: Simulated) -> None:
    """Write the raw files of a simulated trial into its run folder."""
    # The hosts' lines side by side: zstd leaves the interpreter to others.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        packed = pool.map(_packed, done.events.values())
        for host, lines in zip(done.events, packed, strict=True):
            files = {"events.jsonl.zst": lines, "agent.jsonl": done.journals[host]}
            folder.write_host(trial.n, host, files)
    folder.write_genesis(trial.n, next(iter(done.files.by_host.values())))
    record = TrialFile(
        n=trial.n,
        label=done.label,
        seed=trial.seed,
        t0_wall_ns=done.files.t0_ns,
        chain_id=done.files.chain_id,
        state="complete",
        reason="",
        started_ns=done.started_ns,
        ended_ns=done.ended_ns,
        genesis_slot=done.files.genesis_slot,
    )
    folder.write_trial(record)
