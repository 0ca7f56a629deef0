"""Commands that end what a lab still has, whoever began it: heal, stop, collect."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import AsJson, Become, Inventory, Limit, Runs, lab_at, run_names
from harness.controller import store
from harness.controller.console import Show, console_of, said, styled
from harness.errors import EXIT_LAB

if TYPE_CHECKING:
    from harness.remote.fan_out import Remote

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
