"""Takes every fault back on every host, with or without its agent; needs no campaign state."""

import time
from collections.abc import Callable, Iterable

from harness.controller.awaiting import Tell
from harness.remote.agent_channel import NOT_DEPLOYED, PATIENCE_S, PYTHON
from harness.remote.fan_out import Remote, root_problem, run_as_root

_BY_HAND = f"env {PYTHON} -m faults heal"
_NOT_REACHED = ("unreachable", "auth_failed", "host_key", "file")
"""What fails before any command could run: another try by hand would say the same."""
PERIOD_S = 3.0


def await_agents(
    remote: Remote,
    hosts: Iterable[str],
    *,
    within_s: float,
    tell: Tell,
    go_on: Callable[[], bool] = lambda: True,
) -> None:
    """Ask the agents until all answer, for at most within_s and as long as we are to go on.

    tell gets a line each time.
    """
    deadline = time.monotonic() + within_s
    away = list(hosts)
    while True:
        replies = remote.ctl({host: {"op": "hello"} for host in away}, timeout_s=5)
        away = [host for host, reply in replies.items() if reply.ok is None]
        left_s = deadline - time.monotonic()
        if not away or left_s <= 0:
            return
        tell(f"waiting for {', '.join(away)} to come back ({left_s:.0f} s at most)")
        if not go_on():
            return
        time.sleep(min(PERIOD_S, left_s))


def heal(remote: Remote) -> dict[str, tuple[bool, str]]:
    """Return by host whether it is free of faults now, and what was healed or why not.

    First the agent drops what has not started and undoes what runs; where no agent answers, the
    ledger on the host is undone by the same code without it. A host on which nothing is deployed
    has no fault; one that is not reached is not asked twice.
    """
    outcome: dict[str, tuple[bool, str]] = {}
    dead: dict[str, str] = {}
    for host, reply in remote.ctl_all("heal", timeout_s=PATIENCE_S).items():
        if reply.reason == NOT_DEPLOYED:
            outcome[host] = (True, f"nothing to heal: {reply.detail}")
        elif reply.reason in _NOT_REACHED:
            outcome[host] = (False, reply.problem)
        elif reply.problem:
            dead[host] = reply.problem
        else:
            said = reply.ok or {}
            left = said.get("left")
            healed = _names(said.get("healed"))
            outcome[host] = (not left, f"left over: {_names(left)}" if left else healed)
    for host, result in run_as_root(remote, dict.fromkeys(dead, _BY_HAND), timeout_s=60).items():
        if result.ok:
            text = result.stdout.strip().splitlines()[-1:] or ["nothing left"]
            outcome[host] = (True, f"without the agent: {text[0]}")
        else:
            outcome[host] = (False, f"agent: {dead[host]}; by hand: {root_problem(result)}")
    return {host.name: outcome[host.name] for host in remote.inventory.hosts}


def _names(healed: object) -> str:
    if not isinstance(healed, list) or not healed:
        return "nothing left"
    return ", ".join(
        str(item.get("id", item)) if isinstance(item, dict) else str(item) for item in healed
    )
