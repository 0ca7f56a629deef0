"""The main job on one machine: container lab, deploy, one campaign, a report; nothing left."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from harness.campaign import campaign_file
from harness.controller import interrupt, store
from harness.controller.console import Show
from harness.deploy import rollout
from harness.errors import RunError
from harness.inventory import inventory
from harness.labs.lifecycle import container_lab
from harness.orchestrator import run
from harness.testbed import lab_teardown


class NoRoot(RunError):
    """This machine does not let us make hosts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What to run, on how many hosts, into which folder."""

    campaign: str = "demo"
    hosts: int = 4
    runs: Path = store.ROOT
    seed: int | None = None


def run_demo(options: DemoOptions, show: Show) -> run.Outcome:
    """Return the outcome of the campaign on a lab made for it and removed again, whatever happens.

    Raises:
        NoRoot: one line that says what works without root.
        OperatorError, LabError, RunError, Interrupted: as the steps raise them; the lab is gone.
    """
    if os.geteuid() != 0:
        raise NoRoot(
            "demo: no root on this machine, so it cannot make lab hosts; run it with sudo. Without"
            " root: `slotlab plan demo -i INVENTORY --offline`, `slotlab run` on hosts you have,"
            " `slotlab report`"
        )
    campaign_file.load(campaign_file.find(options.campaign))  # a mistake there should cost no lab
    name = f"demo-{secrets.token_hex(3)}"
    interrupt.end_on_terminate()
    try:
        made = container_lab.up(container_lab.LabSpec(name=name, hosts=options.hosts), show.step)
        lab = inventory.load(made.inventory)
        _deploy(lab, show)
        return run.run(
            run.RunOptions(
                campaign=options.campaign,
                inventory=lab.path,
                runs=options.runs,
                seed=options.seed,
            ),
            show,
        )
    finally:
        show.quiet()
        with interrupt.shielded():
            lab_teardown.take_down(name, show.step)


def _deploy(lab: inventory.Inventory, show: Show) -> None:
    show.step("deploying")
    result = rollout.deploy(lab, progress=show.tick)
    if not result.ok:
        who = "; ".join(f"{host}: {why}" for host, why in result.failed.items())
        raise RunError(f"deploy: {who}")
    show.step(f"deployed to {len(result.outcomes)} hosts in {result.elapsed_ns / 1e9:.1f} s")
