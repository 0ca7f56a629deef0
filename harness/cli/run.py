"""Commands that run campaigns: demo, run."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import (
    AsJson,
    Campaign,
    LabKind,
    Limit,
    MaybeCampaign,
    MaybeInventory,
    Runs,
    Seed,
    is_sim,
    run_names,
)
from harness.cli.queue import Notify, hand_over
from harness.controller import store
from harness.controller.console import Show, console_of
from harness.controller.exit_status import status_of
from harness.controller.version import needs_clone
from harness.errors import EXIT_OK, UsageError
from harness.unattended import notice
from metrics.model.plan import SIM

if TYPE_CHECKING:
    from harness.orchestrator.job import Job
    from harness.orchestrator.run import Outcome

Only = Annotated[
    list[str],
    typer.Option(
        "--only",
        metavar="TRIALS",
        help="Only a cell (2 or delay=50ms,rate=10/s) or a trial ('trial 3'); may be repeated.",
    ),
]
Resume = Annotated[
    str,
    typer.Option(
        "--resume",
        metavar="RUN",
        help="Go on with this run: what of it is whole stays, the rest is run.",
        autocompletion=run_names,
    ),
]
Detach = Annotated[
    bool,
    typer.Option(
        "--detach", help="Hand it over to this machine, which runs it also after a reboot."
    ),
]
Predict = Annotated[
    bool, typer.Option("--predict", help="Have the simulator say first what the hosts will show.")
]
Folder = Annotated[str, typer.Option("--folder", hidden=True, help="Name of the run's folder.")]
AddRepeats = Annotated[
    int, typer.Option("--add-repeats", min=0, max=1000, help="With --resume: more of each cell.")
]


def demo(
    name: Campaign = "demo",
    hosts: Annotated[int, typer.Option("--hosts", help="Hosts of the lab.")] = 4,
    runs: Runs = store.ROOT,
    seed: Seed = None,
) -> None:
    needs_clone("demo")
    from harness.cli.tables.summary_tables import print_summary
    from harness.orchestrator.demo import run_demo
    from harness.orchestrator.job import RunOptions

    console = console_of()
    outcome = run_demo(RunOptions(campaign=name, runs=runs, seed=seed), Show(console), hosts=hosts)
    raise typer.Exit(print_summary(console, outcome.folder, outcome.summary))


def run_campaign(
    campaign_name: MaybeCampaign = "",
    inventory_path: MaybeInventory = None,
    lab_kind: LabKind = None,
    limit: Limit = "",
    runs: Runs = store.ROOT,
    seed: Seed = None,
    only: Only = [],  # noqa: B006  (typer's way)
    resume: Resume = "",
    add_repeats: AddRepeats = 0,
    detach: Detach = False,
    notify: Notify = "",
    predict: Predict = False,
    folder: Folder = "",
    as_json: AsJson = False,
) -> None:
    if not campaign_name and not resume:
        raise UsageError("run: name a CAMPAIGN, or with --resume the run to go on with")
    if not resume:
        is_sim("run", lab_kind, inventory_path, limit)
    told = notice.parsed(notify)
    from harness.orchestrator.job import RunOptions, finished, job_of

    options = RunOptions(
        campaign=campaign_name, runs=runs, seed=seed, only=tuple(only), resume=resume,
        add_repeats=add_repeats, folder=folder,
    )  # fmt: skip
    job = job_of(options)  # a mistake there should wait for nothing
    show = Show(console_of(stderr=as_json))
    if done := finished(job):
        show.console.print(done, markup=False, highlight=False)
        return
    begun = job.begun
    if begun is not None and begun.plan.simulated and inventory_path is None:
        lab_kind = SIM
    simulated = is_sim("run", lab_kind, inventory_path, limit)
    if begun is not None and begun.plan.simulated != simulated:
        raise begun.refusal(f"it is a run in lab {begun.plan.lab}")
    if predict and (simulated or detach or resume):
        raise UsageError("--predict: it is of a new run on hosts that you attend; leave it out")
    if detach:
        from harness.unattended.hand_over import Terms

        hand_over(
            [options], Terms(inventory=inventory_path, limit=limit, notify=told), as_json=as_json
        )
        return
    from harness.cli.tables.summary_tables import print_summary
    from harness.orchestrator import run_sim

    with _telling(told, show) as ended:
        outcome = _ran(job, inventory_path, limit, show, predict=predict)
        status = print_summary(show.console, outcome.folder, outcome.summary, as_json=as_json)
        if simulated and status != EXIT_OK:
            print(f"repeat:  {run_sim.repeat_line(options, outcome)}", file=show.console.file)
        ended.run, ended.status = str(outcome.folder.resolve()), status
        ended.verdict = str(outcome.summary["verdict"])
    raise typer.Exit(status)


def _ran(job: "Job", path: Path | None, limit: str, show: Show, *, predict: bool) -> "Outcome":
    """Return the outcome on the hosts of an inventory, predicted first if asked, or simulated."""
    from harness.inventory import inventory
    from harness.inventory.limit import limited
    from harness.orchestrator import run, run_sim
    from harness.plan import lab_view

    if path is None:
        return run_sim.run(job, show)
    said = None
    if predict:
        view = lab_view.of_inventory(limited(inventory.load(path), job.limit(limit)))
        said = run_sim.predicted(job, view, show, written_ns=time.time_ns())
    return run.run(job, path, show, limit=limit, foreseen=said)


@dataclass(slots=True)
class _Ended:
    """Mutable: how a run ended, as far as it is known."""

    run: str = ""
    status: int = EXIT_OK
    verdict: str = ""


@contextlib.contextmanager
def _telling(command: Sequence[str], show: Show) -> Iterator[_Ended]:
    """Run the operator's command when the block, which runs a campaign, has ended in any way."""
    ended = _Ended()
    try:
        yield ended
    except BaseException as error:
        ended.status = status_of(error)
        raise
    finally:
        if command and (problem := notice.tell(command, **dataclasses.asdict(ended))):
            show.step(problem)
