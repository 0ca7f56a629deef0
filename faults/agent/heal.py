"""Healing by hand and at boot: through the agent when it answers, else from the ledger alone.

An agent that holds the socket but does not answer hangs. Its armed trial is taken away first, so
that it begins nothing more should it wake; then it is ended.
"""

import contextlib
import json
import os
import signal
from pathlib import Path

from faults.agent import ctl
from faults.agent.arming import Host
from faults.agent.undo_open_faults import undo_open_faults
from faults.durable.armed_trial import ArmedTrialFile
from faults.durable.journal import Journal
from faults.durable.units_to_restart import RunningFile
from faults.host.layout import Layout, read_host
from faults.model.fault import FaultError

ANSWER_TIMEOUT_S = 2.0
HEAL_TIMEOUT_S = 30.0


def heal(place: Layout, *, boot: bool) -> int:
    """Return 0 when nothing of ours is left; prints how as one line of JSON.

    Raises:
        FaultError: no_root.
    """
    with contextlib.suppress(OSError):
        if not boot and "ok" in ctl.ask(place.socket, "hello", ANSWER_TIMEOUT_S):
            reply = ctl.ask(place.socket, "heal", HEAL_TIMEOUT_S)
            print(json.dumps({"how": "agent", **reply}))
            return 0 if "ok" in reply else 3
    if os.geteuid() != 0 and not os.access(place.ledger_dir, os.W_OK):
        raise FaultError("no_root", "no agent answers; run `python -m faults heal` as root")
    ArmedTrialFile(place.agent_dir).revoke()
    if not boot:
        _end_hung_agent(place.socket)
    config = read_host(place.host_file)
    systemd = Path("/run/systemd/system").is_dir()
    host = Host.at(place, config, frozenset(("systemd",)) if systemd else frozenset())
    healed = undo_open_faults(host, "heal")
    left = [entry.fault_id for entry in host.ledger.open_entries()]
    answer: dict[str, object] = {"healed": healed, "left": left}
    if boot:
        answer["started"] = _bring_back(RunningFile(place.agent_dir, host.timers), host.journal)
    print(json.dumps({"how": "ledger", "ok": answer}))
    return 3 if left else 0


def _bring_back(running: RunningFile, journal: Journal) -> list[str]:
    """Return the units started again; the trial's journal then tells of the new boot."""
    known, started = running.read(), running.bring_back()
    if known is not None and started:
        journal.trial = known.trial
        journal.write("started", read_back={"units": list(started)}, reason="host_booted")
    return started


def _end_hung_agent(path: Path) -> None:
    """Kill whoever listens on the agent's socket."""
    with contextlib.suppress(OSError):
        pid = ctl.pid_of(path, ANSWER_TIMEOUT_S)
        if pid > 1 and b"faults" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            os.kill(pid, signal.SIGKILL)
