"""The hosts of a trial in one line: a busy or slowed one is a reason to doubt its figures."""

from metrics.measure.hosts.machines import Host

BUSY = 0.95
"""From this share on of its processors a host had hardly any time left for what it should do."""


def in_short(hosts: list[Host]) -> tuple[str, str]:
    """Return what was worst, and a word of verdict."""
    busiest, most_busy = max((host.busiest or 0.0, host.host) for host in hosts)
    hottest, most_hot = max(((-1 if h.celsius is None else h.celsius), h.host) for h in hosts)
    slowed = [host.host for host in hosts if host.slowed]
    dropped = sum(host.nic_dropped for host in hosts)
    said = [f"at most {100 * busiest:.0f} % busy for ten seconds ({most_busy})"]
    if hottest >= 0:
        said.append(f"at most {hottest} °C ({most_hot})")
    if slowed:
        said.append(f"slowed by heat or power: {', '.join(slowed)}")
    if dropped:
        said.append(f"network cards dropped {dropped} packets")
    return "; ".join(said), "warn" if slowed or busiest >= BUSY else "ok"
