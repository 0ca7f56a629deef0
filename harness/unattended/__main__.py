"""What a unit runs, `work QUEUE`, and how logins are tried, `login INVENTORY LIMIT`."""

import json
import sys
from functools import partial
from pathlib import Path

from harness.errors import EXIT_LAB, EXIT_OPERATOR, OperatorError, RunError


def main(words: list[str]) -> int:
    """Do what the words say, and return the exit status."""
    match words:
        case ["work", path]:
            from harness.unattended import unit
            from harness.unattended.queue import Queue
            from harness.unattended.worker import work

            queue = Queue(Path(path))
            work(queue, last=partial(unit.remove, queue, unit.manager()))
        case ["login", path, limit]:
            from harness.unattended.logins import look

            print(json.dumps(look(Path(path), limit)))
        case _:
            raise OperatorError("this is for `slotlab run --detach` and `slotlab queue`; use those")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (OperatorError, RunError) as error:
        print(f"slotlab: {error}", file=sys.stderr)
        sys.exit(EXIT_OPERATOR if isinstance(error, OperatorError) else EXIT_LAB)
