"""Asks a running node by hand: what comes in several answers is put together here."""

from typing import Any

from node.local.local_api import ask

ABOUT_CHAIN = ("block", "transaction")
"""What is asked with a number or an id."""
KINDS = ("status", "health", "peers", "mempool", *ABOUT_CHAIN)


def query(socket_path: str, what: str, of: str) -> dict[str, Any]:
    """Return the node's whole answer to one of KINDS.

    Raises:
        QueryError: nobody answers in time.
    """
    match what:
        case "block":
            return _whole_block(socket_path, of)
        case "transaction":
            return _transaction(socket_path, of)
    return ask(socket_path, what)


def _whole_block(socket_path: str, of: str) -> dict[str, Any]:
    found = ask(socket_path, "block", of=of)
    while found.get("ok") and found.pop("transactions_left"):
        told = found["transactions"]
        # By its id: another block may have the number by now.
        more = ask(socket_path, "block", of=found["id"], start=len(told))
        if not more.get("ok"):
            return more
        found = {**more, "transactions": told + more["transactions"]}
    return found


def _transaction(socket_path: str, of: str) -> dict[str, Any]:
    found = ask(socket_path, "transaction", of=of)
    while "below" in found:
        found = ask(socket_path, "transaction", of=of, start=found["below"])
    return found
