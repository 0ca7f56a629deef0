"""A campaign in the simulator, from file to report: the same run folder as a real lab's.

Below trials/ and tables/, in summary.json and in report.html (its provenance section aside) the
same campaign and seed give the same bytes, in any process.
"""

import os
import shlex
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import zstandard

from faults.host.boottime import boottime_ns
from harness.controller.console import Show
from harness.controller.seals import seal
from harness.controller.store import RunFolder
from harness.errors import Interrupted
from harness.notation.units import text_of_ns
from harness.orchestrator.course import Course, each_ns
from harness.orchestrator.job import Job, RunOptions, how_to_go_on
from harness.orchestrator.obstacles import check_space
from harness.orchestrator.run import Outcome, reported
from harness.plan import lab_view
from harness.plan.warnings import warnings
from harness.sim.campaign import Simulated, simulate
from harness.testbed.collect import ZSTD_LEVEL
from metrics.model.plan import SIM, PlannedTrial
from metrics.model.run_folder import TrialFile


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
                _write(folder, trial, simulate(planned, trial, tell=_teller(show, trial, course)))
                seal(folder, planned, trial)
                course.end(boottime_ns())
        except KeyboardInterrupt:
            raise Interrupted(f"stopped by the operator; {how_to_go_on(folder.path)}") from None
    return reported(folder.path, planned, show)


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


def _write(folder: RunFolder, trial: PlannedTrial, done: Simulated) -> None:
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
