"""A host's Python, through which all that we send it runs: Ansible's modules, units, scripts."""

from __future__ import annotations

from harness.inventory.inventory import Host
from harness.inventory.values import DEFAULT_PYTHON

_RUN = '[ -f "$0" ] && [ -x "$0" ] || { cat > /dev/null; exit 127; }; exec "$0" - "$@"'
"""What is not there reads its input to the end, too: a connection cut in mid-script says less."""


def command(host: Host, *words: str) -> list[str]:
    """Return the command that runs the script on its standard input with these arguments."""
    return ["/bin/sh", "-c", _RUN, host.python, *words]


def missing(host: Host) -> tuple[str, str]:
    """Return what is wrong with a host that has no such interpreter (127), and the remedy."""
    if host.python == DEFAULT_PYTHON:
        return f"no {host.python}", "apt install python3"
    remedy = f"correct ansible_python_interpreter or leave it out ({DEFAULT_PYTHON})"
    return f"no {host.python}", remedy
