"""The main job on one machine: container lab, deploy, one campaign, a report; nothing left."""

import os
import secrets

from harness.controller.console import Show
from harness.controller.interrupt import shielded
from harness.deploy import rollout
from harness.errors import RunError
from harness.inventory import inventory
from harness.labs.lifecycle import container_lab
from harness.orchestrator.job import RunOptions, job_of
from harness.orchestrator.run import Outcome, run
from harness.testbed import lab_teardown


def run_demo(options: RunOptions, show: Show, *, hosts: int) -> Outcome:
    """Return the outcome of the campaign on a lab made for it and removed again, whatever happens.

    Raises:
        OperatorError, LabError, RunError, Interrupted: as the steps raise them; the lab is gone.
    """
    if os.geteuid() != 0:
        raise RunError(
            "demo: no root on this machine, so it cannot make lab hosts; run it with sudo. Without"
            " root: `slotlab plan demo -i INVENTORY --offline`, `slotlab run` on hosts you have,"
            " `slotlab report`"
        )
    job = job_of(options)  # a mistake there should cost no lab
    name = f"demo-{secrets.token_hex(3)}"
    try:
        made = container_lab.up(name, hosts, show.step)
        lab = inventory.load(made.inventory)
        _deploy(lab, show)
        return run(job, lab.path, show)
    finally:
        show.quiet()
        with shielded():
            lab_teardown.take_down(name, show.step)


def _deploy(lab: inventory.Inventory, show: Show) -> None:
    show.step("deploying")
    result = rollout.deploy(lab, progress=show.tick)
    if not result.ok:
        who = "; ".join(f"{host}: {why}" for host, why in result.failed.items())
        raise RunError(f"deploy: {who}")
    show.step(f"deployed to {len(result.outcomes)} hosts in {result.elapsed_ns / 1e9:.1f} s")
