"""`python -m node run|probe|client CONFIG`, `python -m node query`: the processes of a lab host."""

import argparse
import asyncio
import json
import logging
import sys
from pathlib import Path

from node import config as node_config
from node.config import ConfigError
from node.local.local_api import QueryError
from node.local.notify import notify
from node.local.query import ABOUT_CHAIN, KINDS, query
from node.network.links import LinkError
from node.storage.database import StoreError
from node.storage.event_log import EventLogError

DEFAULT_SOCKET = "/run/slotlab/node.sock"

EXIT_UNKNOWN = 1
EXIT_INPUT = 2
EXIT_MACHINE = 3


def main(words: list[str]) -> int:
    """Return the exit status: 0 after an orderly stop, else who failed.

    1: the node asked knows no such thing; 2: wrong input; 3: the machine failed.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    arguments = _parser().parse_args(words)
    try:
        if arguments.command == "query":
            return _query(arguments.socket, arguments.what, arguments.of)
        _run(arguments.command, Path(arguments.config))
        return 0
    except ConfigError as error:
        print(f"node: {error}", file=sys.stderr)
        return EXIT_INPUT
    except (StoreError, EventLogError, LinkError, QueryError) as error:
        print(f"node: {error}", file=sys.stderr)
        return EXIT_MACHINE


def _query(socket: str, what: str, of: str) -> int:
    """Print the node's answer, a refusal as one line; return the exit status."""
    if (what in ABOUT_CHAIN) != bool(of):
        need = "a number or an id" if what in ABOUT_CHAIN else "nothing"
        raise ConfigError(f"query {what}: write {need} after it")
    answer = query(socket, what, of)
    if answer.get("ok"):
        print(json.dumps(answer, indent=2))
        return 0
    print(f"node: {answer.get('detail', answer.get('reason'))}", file=sys.stderr)
    return EXIT_INPUT if answer.get("reason") == "bad_request" else EXIT_UNKNOWN


def _run(role: str, path: Path) -> None:
    config = node_config.load(path)
    # Imported here: a probe must not pay for the chain, nor a node for the client.
    match role:
        case "probe":
            from node.timing.probe import run_probe

            asyncio.run(run_probe(config, lambda: notify("READY=1")))
        case "client":
            from node.local.client import run_client

            run_client(config)
        case _:
            asyncio.run(_serve(config))


async def _serve(config: node_config.NodeConfig) -> None:
    from node.service import Service

    await Service(config, asyncio.get_running_loop()).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m node", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for role, text in (
        ("run", "run a node"),
        ("probe", "run the UDP probes to the peers"),
        ("client", "send this host's share of the load"),
    ):
        command = commands.add_parser(role, help=text)
        command.add_argument("config", metavar="CONFIG", help="the node's JSON configuration")
    asking = commands.add_parser("query", help="ask a running node, print JSON")
    asking.add_argument("--socket", default=DEFAULT_SOCKET, help=f"default {DEFAULT_SOCKET}")
    asking.add_argument("what", nargs="?", default="status", choices=KINDS)
    asking.add_argument(
        "of", nargs="?", default="", metavar="NUM|ID", help="block, transaction: which"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
