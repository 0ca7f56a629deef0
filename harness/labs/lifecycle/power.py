"""The plugs of a lab's hosts, as a command: what an inventory's slotlab_power calls.

python -m harness.labs.lifecycle.power LAB HOST off|on|state|freeze|thaw|link-down|link-up
"""

import sys
from collections.abc import Callable, Sequence

from harness.errors import LabError, LabInputError
from harness.labs.lifecycle import running
from harness.labs.lifecycle.power_words import WORDS


def run(lab: str, host: str, word: str) -> str:
    """Return what is to be printed once the plug is as asked: the state's word, or nothing.

    Raises:
        LabInputError: there is no such lab, host or word.
        LabError: the host is off, or cannot be reached.
    """
    actions: dict[str, Callable[[], object]] = {
        "off": lambda: running.kill(lab, host),
        "on": lambda: running.switch_on(lab, host),
        "state": lambda: running.power_state(lab, host),
        "freeze": lambda: running.freeze(lab, host),
        "thaw": lambda: running.thaw(lab, host),
        "link-down": lambda: running.link(lab, host, up=False),
        "link-up": lambda: running.link(lab, host, up=True),
    }
    if word not in actions:
        raise LabInputError(f"{word}: use one of {', '.join(WORDS)}")
    answer = actions[word]()
    return answer if isinstance(answer, str) else ""


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
