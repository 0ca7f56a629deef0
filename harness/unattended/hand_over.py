"""Hands runs over to this machine: what an operator can get wrong comes out now, not at night."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.controller.awaiting import Tell
from harness.errors import UsageError
from harness.inventory import inventory
from harness.inventory.limit import limited
from harness.orchestrator.job import Job, RunOptions, job_of
from harness.plan import lab_view
from harness.unattended import logins, queue, unit
from harness.unattended.entry import Entry
from harness.unattended.queue import Queue
from metrics.model.plan import SIM


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Where runs are to be run, and what happens when one ends; inventory None: simulated."""

    inventory: Path | None
    limit: str = ""
    notify: Sequence[str] = ()
    stop_on_failure: bool = False


def hand_over(wishes: Sequence[RunOptions], terms: Terms, tell: Tell) -> tuple[Queue, list[Entry]]:
    """Return the queue of the lab and what was added to it just now; it is worked through already.

    Raises:
        OperatorError: a campaign cannot be run there, or not without the operator.
        RunError: a host is not reached, or the unit does not come to work.
    """
    kept_by = unit.manager()
    jobs = [job_of(options) for options in wishes]
    environment = logins.handed_over()
    if terms.inventory is None:
        for job in jobs:
            job.planned(lab_view.simulated(job.file))
        ours = queue.of_lab(SIM)
    else:
        ours = _checked(jobs, terms, environment, tell)
    added = ours.add(
        [
            (_entry(options, job, terms, environment), {} if job.begun else _files(job))
            for options, job in zip(wishes, jobs, strict=True)
        ]
    )
    unit.ensure(ours, kept_by)
    return ours, added


def _files(job: Job) -> dict[str, str]:
    """Return the texts of the job's campaign and of the files that it names."""
    return {**job.file.beside, f"{job.file.name}.yml": job.file.text}


def _checked(jobs: Sequence[Job], terms: Terms, environment: dict[str, str], tell: Tell) -> Queue:
    """Return the queue of the lab, on which all jobs can be run without anybody."""
    assert terms.inventory is not None
    lab = inventory.load(terms.inventory)
    limits = [job.limit(terms.limit) for job in jobs]
    for job, limit in zip(jobs, limits, strict=True):
        job.drafted(lab_view.of_inventory(limited(lab, limit)))
    tell("logging in to the hosts as a run without an operator does")
    for limit in dict.fromkeys(limits):
        logins.refuse(terms.inventory.absolute(), limit, environment)
    return queue.of_lab(lab.lab_id)


def _entry(options: RunOptions, job: Job, terms: Terms, environment: dict[str, str]) -> Entry:
    if options.add_repeats:
        raise UsageError(
            "--add-repeats: not with --detach, as it would be added again by each driver that goes"
            " on; begin it without, then hand it over with --resume RUN --detach"
        )
    return Entry(
        campaign=job.file.name,
        runs=str(job.runs.resolve()),
        folder=str(Path.cwd()),
        inventory=str(terms.inventory.absolute()) if terms.inventory is not None else "",
        limit=terms.limit,
        only=list(options.only),
        seed=options.seed,
        environment=environment,
        notify=list(terms.notify),
        stop_on_failure=terms.stop_on_failure,
        run=str(job.begun.folder.path) if job.begun is not None else "",
    )
