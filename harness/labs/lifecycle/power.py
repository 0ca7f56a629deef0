"""The plugs of a lab's hosts, as a command: what an inventory's slotlab_power calls.

python -m harness.labs.lifecycle.power LAB HOST off|on|state|freeze|thaw|link-down|link-up
"""

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from harness.errors import LabError, LabInputError
from harness.labs import process
from harness.labs import state as lab_state
from harness.labs.lifecycle import running
from harness.labs.lifecycle.access import PLUGS
from harness.labs.lifecycle.running import kind_of
from harness.labs.state import HostState, LabState

LOCK_WAIT_S = 30.0
"""How long a plug waits for another hand on the same lab."""


def run(lab: str, host: str, word: str) -> str:
    """Return what is to be printed once the plug is as asked: the state's word, or nothing.

    Power may be cut and given at any time; a host that is given power may take a while to boot.

    Raises:
        LabInputError: there is no such lab, host or word.
        LabError: the host is off, or cannot be reached.
    """
    if word not in PLUGS:
        raise LabInputError(f"{word}: use one of {', '.join(PLUGS)}")
    with running.lock(lab, LOCK_WAIT_S) if word in ("off", "on") else nullcontext():
        folder, state = lab_state.lab_folder(lab), lab_state.existing(lab)
        each = state.host(host)
        kind = kind_of(each)
        match word:
            case "state":
                return _state(folder, state, each)
            case "off":
                kind.end(state, each)
                lab_state.save(folder, lab_state.with_process(state, host, None))
            case "on":
                if not process.is_alive(each.process):
                    running.boot(folder, state, each)
            case _ if kind.first_process(each) is None:
                raise LabError(f"lab {lab!r}: {host} is off: switch it on first")
            case "freeze":
                kind.freeze(folder, each)
            case "thaw":
                kind.thaw(folder, each)
            case _:
                kind.set_link(folder, state, each, up=word == "link-up")
    return ""


def _state(folder: Path, state: LabState, host: HostState) -> str:
    kind = kind_of(host)
    if kind.first_process(host) is None:
        return "off"
    if kind.is_frozen(folder, host):
        return "frozen"
    return "on" if kind.link_is_up(folder, state, host) else "link_down"


def main(arguments: Sequence[str]) -> int:
    """Return the exit status; what went wrong is one line on standard error."""
    try:
        if len(arguments) != 3:
            raise LabInputError("usage: python -m harness.labs.lifecycle.power LAB HOST WORD")
        answer = run(*arguments)
    except LabError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    if answer:
        print(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
