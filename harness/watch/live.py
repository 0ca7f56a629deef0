"""The command: a look after another, as a live table or as lines of JSON."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

import msgspec
from rich.console import Console
from rich.live import Live
from rich.text import Text

from harness.errors import RunError
from harness.inventory.inventory import Inventory
from harness.orchestrator.fleet import Fleet
from harness.remote.fan_out import Remote
from harness.watch.ask import Asking
from harness.watch.seen import HostSeen
from harness.watch.table import lines

PERIOD_S = 2.0
CPU_APART_S = 1.0
"""How far the two looks of `--once` are apart: what a processor does takes two."""

Hear = Callable[[Sequence[HostSeen]], None]


class Tick(msgspec.Struct, frozen=True):
    """A line of JSON: all hosts at one moment of the controller's wall clock."""

    wall_ns: int
    hosts: Sequence[HostSeen]


def watch(
    inventory: Inventory, console: Console, *, as_json: bool, hears: Sequence[Hear] = ()
) -> None:
    """Look at the hosts until Ctrl-C, which ends it well, and show each look.

    hears: who else is told of each. Without a terminal and JSON they are all that is.

    Raises:
        RunError: nothing is deployed there.
    """
    with (
        Remote(inventory) as remote,
        ExitStack() as stack,
        Asking(Fleet(remote)) as asking,
        suppress(KeyboardInterrupt),
    ):
        show = _shown_by(console, stack, as_json=as_json)
        while True:
            began_s = time.monotonic()
            hosts = asking.turn(PERIOD_S)
            for hear in (show, *hears):
                hear(hosts)
            time.sleep(max(0.0, began_s + PERIOD_S - time.monotonic()))


def _shown_by(console: Console, stack: ExitStack, *, as_json: bool) -> Hear:
    """Return what shows a look; the stack ends it."""
    if as_json:
        return print_json
    if not console.is_terminal:
        return lambda _: None
    live = stack.enter_context(Live(console=console, auto_refresh=False, vertical_overflow="crop"))

    def show(hosts: Sequence[HostSeen]) -> None:
        live.update(_text(hosts, console.width, console.height - 1), refresh=True)

    return show


def look(inventory: Inventory, console: Console, *, as_json: bool = False) -> None:
    """Show the lab once, all of it.

    Raises:
        RunError: nothing is deployed there, or a host does not answer.
    """
    with Remote(inventory) as remote, Asking(Fleet(remote)) as asking:
        asking.turn()
        time.sleep(CPU_APART_S)
        hosts = asking.turn()
    if as_json:
        print_json(hosts)
    else:
        console.print(_text(hosts), soft_wrap=True)
    if silent := [seen.host for seen in hosts if not seen.up]:
        why = "no answer (the table says why); see slotlab check"
        raise RunError(f"{', '.join(silent)}: {why}")


def print_json(hosts: Sequence[HostSeen]) -> None:
    """Print a look as one line."""
    print(msgspec.json.encode(Tick(time.time_ns(), hosts)).decode(), flush=True)


def _text(hosts: Sequence[HostSeen], width: int | None = None, height: int | None = None) -> Text:
    found = lines(hosts, time.time_ns(), width=width, height=height)
    return Text("\n", no_wrap=True).join(Text(line.text, line.style) for line in found)
