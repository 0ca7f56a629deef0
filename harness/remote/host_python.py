"""A host's Python, through which all that we send it runs, and the JSON that it prints for us."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import msgspec

from harness.inventory.inventory import Host
from harness.inventory.values import DEFAULT_PYTHON
from harness.remote.fan_out import HostResult

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


T = TypeVar("T")


def read_json(
    results: Mapping[str, HostResult], kind: type[T]
) -> tuple[dict[str, T], dict[str, HostResult]]:
    """Return the value of that kind that each host printed, and all results, not ok without one."""
    found: dict[str, T] = {}
    judged = dict(results)
    for host, result in results.items():
        if not result.ok:
            continue
        try:
            found[host] = msgspec.json.decode(result.stdout.encode(), type=kind)
        except (msgspec.DecodeError, RecursionError) as error:
            detail = _no_answer(result.stdout, error)
            judged[host] = replace(result, reason="output", detail=detail)
    return found, judged


def _no_answer(text: str, error: Exception) -> str:
    if isinstance(error, msgspec.ValidationError):
        return f"what it printed is not what it was asked for: {error}"
    first = (text.strip().splitlines() or ["nothing"])[0][:80]
    return f"it printed {first!r} for JSON; if its login shell does, keep that to interactive ones"
