"""Commands that end what a lab has, whoever began it: a trial, faults, or the whole campaign."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import AsJson, Become, Inventory, Limit, Run, Runs, lab_at, run_names
from harness.controller import store
from harness.controller.console import Show, console_of, said, styled
from harness.errors import EXIT_LAB, UsageError
from metrics.model.run_folder import load_plan

if TYPE_CHECKING:
    from harness.remote.fan_out import Remote


def _one_line(text: str) -> str:
    """Return what was given as the reason of a cancelled trial.

    Raises:
        UsageError: it is none.
    """
    if not text.isprintable() or not 0 < len(text.strip()) <= store.WHY_CHARACTERS:
        raise UsageError(f"cancel: --why: write one line of 1 to {store.WHY_CHARACTERS} characters")
    return text.strip()


Force = Annotated[
    bool, typer.Option("--force", help="Also a campaign whose controller may be alive.")
]
Forget = Annotated[
    bool, typer.Option("--forget", help="Give it up instead: the next run may replace it.")
]
MaybeRun = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", help="The run it has to be of.", autocompletion=run_names),
]


Why = Annotated[
    str,
    typer.Option(
        "--why", metavar="TEXT", help="What trial.json and the report say of it.",
        callback=_one_line,
    ),
]  # fmt: skip


def cancel(name: Run, root: Runs = store.ROOT, why: Why = "by the operator") -> None:
    run = store.find(name, root)
    trial = run.at_hand if store.driver_of(run.path) is not None else None
    if trial is None or load_plan(run.path).simulated:
        problem = "no trial of it runs on hosts now"
        raise UsageError(f"{run.path}: {problem}; `slotlab runs` says what runs")
    run.cancel(trial, why)
    print(f"trial {trial} is told to end; the run goes on with the next")


def heal(inventory_path: Inventory, limit: Limit = "", become: Become = False) -> None:
    from harness.remote.fan_out import Remote
    from harness.testbed import healing

    lab = lab_at(inventory_path, limit, become=become)
    show = Show(console_of())
    with Remote(lab) as remote:
        clean = _heal_provider(remote, show)
        show.tick(f"healing {len(lab.hosts)} host(s)")
        outcome = healing.heal(remote)
    show.quiet()
    _print_outcome(show, outcome)
    if not clean or not all(each for each, _ in outcome.values()):
        raise typer.Exit(EXIT_LAB)


def stop(inventory_path: Inventory, force: Force = False, become: Become = False) -> None:
    from harness.orchestrator import stopping
    from harness.remote.fan_out import Remote
    from harness.testbed import lock

    lab = lab_at(inventory_path, become=become)
    show = Show(console_of())
    with contextlib.ExitStack() as stack:
        if not force:
            stack.enter_context(lock.hold(lab.lab_id, stopping.PURPOSE))
        remote = stack.enter_context(Remote(lab))
        held = stopping.seize(remote, force=force)
        clean = _heal_provider(remote, show)
        outcome = stopping.stop(remote, held)
    _print_outcome(show, outcome)
    if not clean or not all(done for done, _ in outcome.values()):
        raise typer.Exit(EXIT_LAB)


def collect(
    inventory_path: Inventory,
    run: MaybeRun = None,
    runs: Runs = store.ROOT,
    forget: Forget = False,
    as_json: AsJson = False,
) -> None:
    from harness.cli.tables.summary_tables import print_summary
    from harness.orchestrator import left_behind
    from harness.orchestrator.reporting import report
    from harness.remote.fan_out import Remote
    from harness.testbed import lock

    lab = lab_at(inventory_path)
    show = Show(console_of(stderr=as_json))
    purpose = "slotlab collect"
    with lock.hold(lab.lab_id, purpose), Remote(lab) as remote, lock.hold_hosts(remote, purpose):
        if forget:
            label = left_behind.forget(remote)
            what = f"trial {label} is given up: the next run replaces it"
            print(what if label else "nothing to give up")
            return
        show.tick("collecting")
        collected = left_behind.bring_home(remote, runs, run)
    for problem in collected.problems:
        show.step(f"warning: {problem}")
    path = collected.folder.path
    summary = report(path, show.tick)
    show.quiet()
    raise typer.Exit(print_summary(show.console, path, summary, as_json=as_json))


def _heal_provider(remote: Remote, show: Show) -> bool:
    """Return whether nothing is left of what a provider took, and say what was."""
    from harness.orchestrator import stopping

    clean, healed = stopping.heal_provider(remote, show.tick)
    show.quiet()
    if healed or not clean:
        text = ", ".join(healed) or "is not healed; is its command in slotlab_power right?"
        _print_outcome(show, {"provider": (clean, text)})
    return clean


def _print_outcome(show: Show, outcome: Mapping[str, tuple[bool, str]]) -> None:
    """Print one line a host: whether it went well, and what was done or why not."""
    for host, (done, text) in outcome.items():
        show.console.print(f"{host}: {styled('ok' if done else 'fail')} {said(text)}", markup=True)
