"""What this host really can do: each feature is tried in a throw-away network namespace, not
guessed.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from faults.host.clock.clock_setters import CHRONY
from faults.host.clock.host_clock import read_rate
from faults.host.runner import output

PATIENCE_S = 60.0
"""What a slow host has not answered by then does not work there."""
_CAP_SYS_TIME = 25


def capabilities(shell: Mapping[str, str], state_dir: Path) -> dict[str, bool]:
    """Return which features work, of those that shell can try, and of a host's systemd and clock.

    state_dir: where the host keeps its state, which the shell sees as $1.
    Costs some ten milliseconds a feature; nothing outside a namespace of its own is touched, except
    that the kernel may load the modules that the real faults would load.
    """
    alone = ("unshare", "--net", "/bin/sh", "-ec")
    found = {
        name: output((*alone, script, name, str(state_dir)), PATIENCE_S)[0] == 0
        for name, script in shell.items()
    }
    found["nfqueue"] = found["nft_queue"] or found["iptables_queue"]
    found["systemd"] = Path("/run/systemd/system").is_dir() and os.geteuid() == 0
    return found | clock_capabilities(systemd=found["systemd"])


def clock_capabilities(*, systemd: bool) -> dict[str, bool]:
    """Return clock_host and clock_daemon.

    A host without systemd has nobody to hold its daemon or to end a fault; a container shares the
    clock of the machine around it, which is not ours to move, whatever it is allowed.
    """
    host = systemd and _may_set_time() and not Path("/run/systemd/container").exists()
    return {"clock_host": host, "clock_daemon": host and _chrony_obeys()}


def _may_set_time() -> bool:
    try:
        read_rate()
        status = Path("/proc/self/status").read_text()
    except OSError:
        return False
    found = [line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")]
    return bool(found) and bool(int(found[0], 16) >> _CAP_SYS_TIME & 1)


def _chrony_obeys() -> bool:
    """Return whether chrony is the active daemon and takes commands."""
    asked = (("systemctl", "is-active", "-q", unit) for unit in CHRONY)
    active = any(output(words, PATIENCE_S)[0] == 0 for words in asked)
    return active and output(("chronyc", "-c", "tracking"), PATIENCE_S)[0] == 0
