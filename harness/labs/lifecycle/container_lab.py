"""The container lab: systemd-nspawn hosts on this machine, behind an ordinary inventory.

`up` makes it; what can be done to a lab that is up is the same for every provider (running.py).
"""

from harness.labs import cgroup, checks
from harness.labs import state as lab_state
from harness.labs.image import build
from harness.labs.image.recipe import CONTAINER
from harness.labs.lifecycle.running import Lab, Progress, bring_up
from harness.labs.state import LabState


def up(name: str, hosts: int, progress: Progress) -> Lab:
    """Return the lab, every host answering on SSH; on failure nothing of it is left.

    So many hosts run a node; the time server is extra. A lab of that name which a dead `up` left
    over is removed first.

    Raises:
        LabInputError: a bad name or number of hosts, or a lab of that name is up.
        LabError: this machine lacks something, named with its remedy.
    """
    lab_state.check_name(name)
    lab_state.check_count(hosts)
    checks.require_root()
    checks.require_programs()

    def plan() -> LabState:
        image = build.ensure(CONTAINER, progress)
        room_bytes = (hosts + 1) * checks.HOST_BYTES
        checks.require_space(lab_state.labs_root(), room_bytes, f"a lab of {hosts} hosts")
        checks.require_overlay(lab_state.labs_root())
        checks.require_watchers(hosts + 1)
        return lab_state.new_state(name, hosts, image, cgroup.roots())

    return bring_up(name, plan, progress)
