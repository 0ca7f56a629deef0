"""The commands of slotlab, a line each; the module of one is imported when it is called.

So help, completion and a mistyped word wait for nothing. To add a command: a function whose
parameters are its options, in a module here, and a line below. Such a module imports at its top
what options need and what reads files; what reaches hosts, simulates or reports, the command
imports itself, so that its own help and a mistyped option wait for nothing either.
"""

import shutil
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from harness.errors import Interrupted

TABLE_COLUMNS = 80
"""Help is tables on a terminal as wide as this; on a narrower one they would cut words."""
GROUPS = {
    "lab": "Make, look at or remove a lab on this machine.",
    "inspect": "Explain chain data, offline.",
    "campaign": "What a campaign file may say.",
    "queue": "Campaigns that run one after another, unattended; `queue A B` is `queue add A B`.",
}
COMMANDS = {
    "demo": ("run:demo", "The main job on this machine: lab, deploy, campaign, report."),
    "plan": ("plan:show_plan", "Show what a campaign would do, when, to whom; run nothing."),
    "faults": ("faults:faults", "What can be done to a lab, how it is written, on which hosts."),
    "campaign explain": ("campaign:explain", "What a key, a selector or a check is."),
    "run": ("run:run_campaign", "Run a campaign and report."),
    "heal": ("heal:heal", "Remove every fault everywhere, from the hosts' ledgers."),
    "stop": ("heal:stop", "End whatever campaign the hosts still have."),
    "cancel": ("heal:cancel", "End the trial at hand of a run, which goes on with the next."),
    "collect": ("heal:collect", "Bring home and report what a dead controller left."),
    "watch": ("views:watch", "A live table of a lab: chain, clocks, faults, who is gone."),
    "check": ("hosts:check", "Preflight, read-only: ok, warn or fail with the remedy."),
    "deploy": ("hosts:deploy", "Bring the hosts to what this clone says; idempotent."),
    "wipe": ("hosts:wipe", "Remove everything deploy brought."),
    "report": ("views:report", "Rebuild tables and report of a run, offline."),
    "compare": ("compare:compare", "Compare runs of one campaign with the first of them."),
    "data": ("data:data", "Show the tables of a run and what they say, or print one."),
    "bundle": ("data:bundle", "Make one file of a run to publish, or verify such a file."),
    "runs": ("views:runs", "List the runs there are."),
    "attach": ("queue:attach", "Look on at a run that was handed over, until it ends."),
    "logs": ("views:logs", "Print the log of a host's node, probe, client and agent."),
    "fuzz": ("fuzz:fuzz", "Random fault schedules in the simulator; a find is made small."),
    "bench": ("bench:bench", "Figures of this machine, each beside its floor; judges none."),
    "lab up": ("lab:up", "Make a lab and print its inventory."),
    "lab down": ("lab:down", "Remove a lab, every trace of it."),
    "lab status": ("lab:status", "Show a lab's hosts, or all labs."),
    "lab ssh": ("lab:ssh", "Log in to a host, or run a command there."),
    "lab init": ("lab:init", "Write an inventory from a list of hosts."),
    "queue add": ("queue:add", "Hand campaigns over to this machine, to run after each other."),
    "queue list": ("queue:list_all", "Show what waits, runs and has ended."),
    "queue cancel": ("queue:cancel", "End entries that run, and do not run those that wait."),
    "inspect header": ("inspect:header", "Id, digest and bytes of a block header."),
    "inspect block": ("inspect:block", "Its header, transaction ids, and the root over them."),
    "inspect schedule": (
        "inspect:schedule", "Whose turn a slot is, or the next order of witnesses."
    ),
    "inspect finality": (
        "inspect:show_finality", "How many blocks later one is final: formula and rules."
    ),
    "inspect election": ("inspect:election", "Who is elected, who stands by, and why."),
}  # fmt: skip
"""What is typed, by `module:function` of this package, and a line of help."""


def group_of(**options: Any) -> typer.Typer:
    """Return a new group of commands, whose help fits the terminal."""
    wide = shutil.get_terminal_size().columns >= TABLE_COLUMNS
    return typer.Typer(rich_markup_mode="rich" if wide else None, **options)


class Lazy(TyperGroup):
    """A group whose commands are stubs: each one's callback returns the function to be called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the name, the real command and the words left for it."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is None or isinstance(command, TyperGroup):
            return name, command, rest
        assert command.callback is not None
        real = group_of(add_completion=False)
        real.command(name, help=command.help)(command.callback())
        return name, get_command(real), rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command; Ctrl-C is an error like others, with a line of its own."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("stopped by the operator") from None


class Adding(Lazy):
    """The group `queue`: words that begin with none of its commands are those of `add`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words, `add` before them where it was left out."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["add", *args]
        return super().parse_args(ctx, args)


def add_to(app: typer.Typer) -> None:
    """Add all commands to the app."""
    groups = {"": app}
    for name, text in GROUPS.items():
        cls = Adding if name == "queue" else Lazy
        groups[name] = group_of(cls=cls, help=text, no_args_is_help=True)
        app.add_typer(groups[name], name=name, short_help=text)
    for words, (where, text) in COMMANDS.items():
        group, _, name = words.rpartition(" ")
        groups[group].command(name, help=text, short_help=text)(_stub(where))


def _stub(where: str) -> Callable[[], Callable[..., Any]]:
    def function() -> Callable[..., Any]:
        found: Callable[..., Any] = resolve_name(f"{__package__}.{where}")
        return found

    return function
