"""Commands for runs that nobody sits beside: queue add|list|cancel, attach."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from harness.cli.options import (
    AsJson,
    LabKind,
    Limit,
    MaybeInventory,
    Runs,
    campaign_names,
    is_sim,
    run_names,
)
from harness.controller import store
from harness.controller.console import Show, console_of, said, styled, table_of
from harness.unattended import notice
from harness.unattended import queue as queues
from harness.unattended.entry import OVER, Entry
from harness.unattended.unit import name_of

if TYPE_CHECKING:
    from harness.orchestrator.job import RunOptions
    from harness.unattended.hand_over import Terms

Notify = Annotated[
    str,
    typer.Option(
        "--notify",
        metavar="COMMAND",
        help="Run this when a run has ended: RUN, STATUS, VERDICT, REPORT are in its environment.",
    ),
]


def add(
    campaigns: Annotated[
        list[str],
        typer.Argument(
            metavar="CAMPAIGN...",
            help="Campaign files, or names of some that ship.",
            autocompletion=campaign_names,
        ),
    ],
    inventory_path: MaybeInventory = None,
    lab_kind: LabKind = None,
    limit: Limit = "",
    runs: Runs = store.ROOT,
    notify: Notify = "",
    stop_on_failure: Annotated[
        bool, typer.Option("--stop-on-failure", help="When one of these fails, run none after it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    is_sim("queue add", lab_kind, inventory_path, limit)
    from harness.orchestrator.job import RunOptions
    from harness.unattended.hand_over import Terms

    terms = Terms(
        inventory=inventory_path, limit=limit, notify=notice.parsed(notify),
        stop_on_failure=stop_on_failure,
    )  # fmt: skip
    wishes = [RunOptions(campaign=campaign, runs=runs) for campaign in campaigns]
    hand_over(wishes, terms, as_json=as_json)


def hand_over(wishes: "Sequence[RunOptions]", terms: "Terms", *, as_json: bool) -> None:
    """Hand runs over to this machine, and say how to look at them."""
    from harness.unattended.hand_over import hand_over as give

    show = Show(console_of(stderr=as_json))
    queue, added = give(wishes, terms, show.tick)
    show.quiet()
    if as_json:
        print(json.dumps([_row(entry) for entry in added]))
        return
    before = sum(1 for each in queue.entries() if each.state not in OVER and each.n < added[0].n)
    for entry in added:
        print(f"entry {entry.n}: {entry.campaign} on {entry.lab}", file=show.console.file)
    when = f"after {before} that came before" if before else "now"
    print(
        f"{name_of(queue)} runs it {when}; slotlab attach shows it, slotlab queue cancel"
        f" {added[0].n} ends it",
        file=show.console.file,
    )


def list_all(as_json: AsJson = False) -> None:
    found = [(queue, entry) for queue in queues.every() for entry in queue.entries()]
    if as_json:
        print(json.dumps([_row(entry) for _, entry in found]))
        return
    table = table_of("n", "campaign", "on", "state", "run", "by")
    for queue, entry in found:
        state = entry.state if entry.state not in OVER else entry.verdict or entry.why
        by = "" if entry.state in OVER else name_of(queue)
        shown = (str(entry.n), said(entry.campaign), said(entry.lab), styled(state))
        table.add_row(*shown, said(entry.run), said(by))
    console_of().print(table if found else "nothing was handed over; slotlab queue add does that")


def cancel(
    numbers: Annotated[list[int], typer.Argument(metavar="N...", help="Entries by their number.")],
) -> None:
    for queue, entry in [queues.numbered(n) for n in numbers]:
        if entry.state in OVER:
            print(f"entry {entry.n}: it has ended before")
            continue
        entry = queue.cancel(entry.n, "cancelled by the operator")
        how = "it heals, collects and ends" if entry.cancel else "it is not run"
        print(f"entry {entry.n}: {how}")


def attach(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]",
            help="Folder, campaign or latest; left out: what runs now.",
            autocompletion=run_names,
            show_default=False,
        ),
    ] = "",
    runs: Runs = store.ROOT,
) -> None:
    from harness.unattended.follow import follow

    queue, entry = queues.of_run(name, runs)
    console = console_of()
    console.print(f"entry {entry.n}: {said(entry.campaign)} on {said(entry.lab)}", highlight=False)
    entry = follow(queue, entry.n, lambda line: console.print(said(line), highlight=False))
    word = entry.verdict or entry.state
    why = f": {entry.why}" if entry.why else ""
    print(f"entry {entry.n}: {word}{said(why)}", file=console.file)
    raise typer.Exit(entry.status)


def _row(entry: Entry) -> dict[str, object]:
    told = ("n", "campaign", "inventory", "state", "run", "status", "verdict", "why")
    values = msgspec.to_builtins(entry)
    return {name: values[name] for name in told}
