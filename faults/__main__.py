"""python -m faults: agent (the service), ctl (relay), heal (from the ledger)."""

import argparse
import os
import sys
from pathlib import Path

from faults.agent import ctl
from faults.host.layout import layout
from faults.model.fault import FaultError


def main(arguments: list[str] | None = None) -> int:
    """Return the exit status of one call."""
    options = _parser().parse_args(arguments)
    try:
        place = layout(Path(options.root) if options.root else None)
        # Imported where they are needed: the relay is what a slow host starts at every login.
        match options.command:
            case "agent":
                from faults.agent import service

                return service.main(place, options.provider)
            case "ctl":
                return ctl.main(Path(options.socket) if options.socket else place.socket)
            case _:
                from faults.agent.heal import heal

                return heal(place, boot=options.boot)
    except FaultError as error:
        print(f"slotlab agent: {error.detail}", file=sys.stderr)
        return 2
    except PermissionError as error:
        print(f"slotlab agent: {error.filename}: not allowed; run as root", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--root", default=os.environ.get("SLOTLAB_ROOT"), help="other root folder")
    commands = parser.add_subparsers(dest="command", required=True)
    agent = commands.add_parser("agent", help="run the service of this host")
    agent.add_argument("--provider", help="switch other hosts by the commands in this file")
    relay = commands.add_parser("ctl", help="relay JSON lines to the agent")
    relay.add_argument("--socket", help="the agent's socket")
    healing = commands.add_parser("heal", help="take back every fault of this host")
    healing.add_argument("--boot", action="store_true", help="the machine has just started")
    return parser


if __name__ == "__main__":
    sys.exit(main())
