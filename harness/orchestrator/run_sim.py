"""A campaign in the simulator, from file to report: the same run folder as a real lab's.

Below trials/ and tables/, in summary.json and in report.html (its provenance section aside) the
same campaign and seed give the same bytes, in any process.
"""

import shlex
from collections.abc import Callable

import zstandard

from harness.campaign import campaign_file
from harness.controller import store
from harness.controller.console import Show
from harness.controller.store import RunFolder
from harness.notation.units import text_of_ns
from harness.orchestrator.reporting import report
from harness.orchestrator.run import Outcome, RunOptions, trials_of
from harness.plan import lab_view, planner
from harness.sim.campaign import Simulated, simulate
from harness.testbed.collect import ZSTD_LEVEL
from metrics.model.plan import SIM, Plan, PlannedTrial
from metrics.model.run_folder import TrialFile


def run(options: RunOptions, show: Show) -> Outcome:
    """Return the outcome of the whole campaign, reported.

    Raises:
        OperatorError: the campaign or the cell asked for is wrong; nothing was done.
        RunError: the disk or the report failed.
    """
    file = campaign_file.load(campaign_file.find(options.campaign))
    planned = planner.build(file, lab_view.simulated(file), seed=options.seed)
    trials = trials_of(planned, options.only_cell)
    lab = {"lab": SIM, "hosts": [{"host": host.host} for host in planned.hosts]}
    folder = store.create(
        planned, campaign=file.text, resolved=file.resolved, lab=lab, root=options.runs
    )
    show.step(f"{file.name}: {len(trials)} trial(s) on {len(planned.hosts)} simulated hosts")
    records = []
    for trial in trials:
        done = simulate(planned, trial, tell=_teller(show, trial, planned))
        records.append(_write(folder, trial, done))
    show.step("reporting")
    summary = report(folder.path, show.tick)
    show.quiet()
    return Outcome(folder=folder.path, plan=planned, trials=tuple(records), summary=summary)


def repeat_line(options: RunOptions, planned: Plan) -> str:
    """Return the command that runs the same again, byte for byte."""
    words = ["slotlab", "run", options.campaign, "--lab", SIM, "--seed", str(planned.seed)]
    if options.only_cell is not None:
        words += ["--only", str(options.only_cell)]
    return shlex.join(words)


def _teller(show: Show, trial: PlannedTrial, planned: Plan) -> Callable[[int], None]:
    """Return what shows how far a trial is."""
    whole = text_of_ns(planned.end_ns)
    show.tick(f"trial {trial.n}: simulating {whole}")
    return lambda to_ns: show.tick(f"trial {trial.n}: simulated {text_of_ns(to_ns)} of {whole}")


def _write(folder: RunFolder, trial: PlannedTrial, done: Simulated) -> TrialFile:
    compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
    for host, lines in done.events.items():
        files = {"events.jsonl.zst": compressor.compress(lines), "agent.jsonl": done.journals[host]}
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
    return record
