"""Options and arguments that several commands share, and how a shell completes them."""

import getpass
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from harness.controller import store
from harness.controller.state_dir import shipped
from harness.errors import UsageError
from harness.inventory.inventory import Inventory as Lab
from harness.inventory.inventory import load
from harness.inventory.limit import limited
from metrics.model.plan import SEED_MAX, SIM

INVENTORY_HELP = "Ansible inventory of the lab (YAML)."


def campaign_names(incomplete: str) -> list[str]:
    """Return the campaigns that ship and begin so; a shell offers files where none does."""
    return _beginning(incomplete, shipped())


def run_names(incomplete: str) -> list[str]:
    """Return the campaigns that have runs here, and `latest`, that begin so."""
    names = (path.parent.parent.name for path in store.ROOT.glob("*/*/plan.json"))
    return _beginning(incomplete, {*names, "latest"})


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))


Campaign = Annotated[
    str,
    typer.Argument(
        metavar="CAMPAIGN",
        help="A campaign file, or the name of one that ships.",
        autocompletion=campaign_names,
    ),
]
MaybeCampaign = Annotated[
    str,
    typer.Argument(
        metavar="[CAMPAIGN]",
        help="A campaign file, or the name of one that ships.",
        autocompletion=campaign_names,
        show_default=False,
    ),
]
Run = Annotated[
    str, typer.Argument(metavar="RUN", help="Folder, campaign or latest.", autocompletion=run_names)
]
Inventory = Annotated[Path, typer.Option("--inventory", "-i", help=INVENTORY_HELP)]
MaybeInventory = Annotated[Path | None, typer.Option("--inventory", "-i", help=INVENTORY_HELP)]
LabKind = Annotated[str | None, typer.Option("--lab", help="sim: the simulator, no hosts at all.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, max=SEED_MAX, help="Replace the campaign's seed.")
]
Runs = Annotated[Path, typer.Option("--runs", help="Folder for run folders.")]
Limit = Annotated[
    str,
    typer.Option(
        "--limit",
        "-l",
        metavar="HOSTS",
        help="Only these hosts, groups, zones: a,b or n* or !c or &zone.",
    ),
]
Become = Annotated[bool, typer.Option("--ask-become-pass", "-K", help="Ask for the sudo password.")]


def is_sim(
    command: str, lab_kind: str | None, inventory_path: Path | None, limit: str = ""
) -> bool:
    """Return whether the simulator was asked for.

    Raises:
        UsageError: not exactly one of hosts and simulator was.
    """
    if lab_kind not in (None, SIM):
        raise UsageError(f"--lab {lab_kind}: write -i INVENTORY; the inventory names its lab")
    if lab_kind == SIM and inventory_path is not None:
        raise UsageError(f"{command}: --lab sim has no hosts; leave -i out")
    if lab_kind == SIM and limit:
        raise UsageError(f"{command}: --lab sim has no hosts; leave --limit out")
    if lab_kind is None and inventory_path is None:
        raise UsageError(
            f"{command}: no hosts given; add -i INVENTORY (slotlab lab up makes one) or --lab sim"
        )
    return lab_kind == SIM


def lab_at(path: Path, limit: str = "", *, become: bool = False) -> Lab:
    """Return the lab of an inventory, or those of its hosts that limit names.

    become: with the sudo password that the operator types.
    """
    lab = limited(load(path), limit)
    return lab.with_become_password(password()) if become else lab


def password() -> str:
    """Return the sudo password that the operator types."""
    return getpass.getpass("sudo password: ")
