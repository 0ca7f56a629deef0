"""What this host really can do: each feature is tried in a throw-away network namespace, not
guessed.
"""

from __future__ import annotations

import os
from pathlib import Path

from faults.host.clock.clock_setters import CHRONY
from faults.host.clock.host_clock import read_rate
from faults.host.runner import output

PATIENCE_S = 60.0
"""What a slow host has not answered by then does not work there."""
_CAP_SYS_TIME = 25
_TRIALS = {
    "nft": "nft 'add table inet t; add set inet t s { type ipv4_addr; flags timeout; };"
    " add element inet t s { 192.0.2.1 timeout 1s }'",
    "loss": "nft 'add table inet l; add chain inet l c;"
    " add rule inet l c numgen random mod 1000000 < 300000 counter drop'",
    "ntp_relay": "nft 'add table inet r; add chain inet r c { type route hook output priority "
    "-310; }; add rule inet r c ip daddr 192.0.2.1 udp dport 123 meta mark != 1 udp dport set 9 ip "
    "daddr set 127.0.0.1; add rule inet r c ip6 daddr 2001:db8::1 udp dport set 9 ip6 daddr set "
    "::1'",
    "netem": "tc qdisc add dev lo root handle 1: prio bands 4 &&"
    " tc qdisc add dev lo parent 1:4 handle 2: netem delay 1ms &&"
    " tc filter add dev lo parent 1: protocol ip prio 1 u32 match ip dst 192.0.2.1/32 flowid 1:4",
    "nft_queue": "nft 'add table inet q; add chain inet q c; add rule inet q c queue num 9 bypass'",
    "iptables_queue": "iptables -t mangle -A PREROUTING -s 192.0.2.1 -p udp --dport 9"
    " -j NFQUEUE --queue-num 9 --queue-bypass",
}


def capabilities() -> dict[str, bool]:
    """Return which features work; netem, nft, loss, nfqueue, systemd are what faults ask for.

    Costs some ten milliseconds a feature; nothing outside a namespace of its own is touched, except
    that the kernel may load the modules that the real faults would load.
    """
    found = {name: _works(script) for name, script in _TRIALS.items()}
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


def _works(script: str) -> bool:
    return output(("unshare", "--net", "/bin/sh", "-ec", script), PATIENCE_S)[0] == 0


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
