"""What clients of this host are told of blocks and transactions, from the store and the branch.

A big block is told in parts, and a transaction is looked for a few blocks at a time: each answer is
short work beside a node's slots, and the asker (`query`) comes again for the rest.
"""

import dataclasses
import re
from collections.abc import Generator
from contextlib import closing
from typing import Any

from node.chain.chain import Chain
from node.chain.encoding.pack import DecodeError
from node.chain.model.block import SignedBlock
from node.chain.model.transaction import Transaction
from node.local.local_api import Reply, Request
from node.storage.store import Store

PART_BYTES = 64 * 1024
"""About so many bytes of transactions are printed, or of blocks looked through, at once."""
_ID = re.compile(r"[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?")
"""20 bytes of a BitShares block, 32 of an EOSIO block or of a transaction."""


class ChainAnswers:
    """Reads chain and store for clients that ask; whatever they ask, there is an answer."""

    def __init__(self, chain: Chain, store: Store) -> None:
        self._chain = chain
        self._store = store

    def block(self, request: Request) -> Reply:
        """Return the block of a number, on the head's branch, or of an id, on any that is kept.

        With its transactions from request.start on, and how many are left after those.
        """
        text = request.of
        if text.isascii() and text.isdigit() and len(text) < 20:
            block_id = self._id_at(int(text))
        elif _ID.fullmatch(text):
            block_id = bytes.fromhex(text)
        else:
            return _refused("bad_request", f"block {text[:80]!r}: write its number or its id")
        raw = None if block_id is None else self._store.raw(block_id)
        if raw is None:
            return _refused("not_here", f"block {text}: not here; {self._range()}")
        try:
            block = self._chain.codec.decode(raw)
        except DecodeError as error:
            return _refused("damaged", f"block {text}: damaged in the store: {error}")
        rest = block.transactions[request.start :]
        told = _part(rest)
        irreversible = self._store.irreversible_num(block.id) is not None
        on_head_branch = irreversible or self._id_at(block.num) == block.id
        return {
            "ok": True,
            **self._printed(block, told),
            "irreversible": irreversible,
            "on_head_branch": on_head_branch,
            **self._confirmed(block.num if on_head_branch else None),
            "transactions_left": len(rest) - len(told),
        }

    def transaction(self, request: Request) -> Reply:
        """Return where on the head's branch a transaction is, and what it says.

        request.start: only blocks below that number are looked through, 0 for all; `below` in the
        answer says from where to go on.
        """
        if not _ID.fullmatch(request.of):
            return _refused("bad_request", f"transaction {request.of[:80]!r}: write its id in hex")
        wanted, size = bytes.fromhex(request.of), 0
        below = request.start or self._chain.head.num + 1
        with closing(self._below(below)) as blocks:
            for num, raw in blocks:
                try:
                    block = self._chain.codec.decode(raw)
                except DecodeError as error:
                    return _refused("damaged", f"block {num}: damaged in the store: {error}")
                for transaction in block.transactions:
                    if transaction.id == wanted:
                        return self._found(block, transaction)
                size += len(raw)
                if size > PART_BYTES:
                    return {**_refused("further", "not looked through yet"), "below": num}
        if wanted in self._chain.mempool:
            return {
                "ok": True, "id": wanted.hex(), "block_num": None, "irreversible": False,
                **self._confirmed(None),
            }  # fmt: skip
        return _refused("not_here", f"transaction {request.of}: not here; {self._range()}")

    def _found(self, block: SignedBlock, transaction: Transaction) -> Reply:
        (printed,) = self._printed(block, (transaction,))["transactions"]
        return {
            "ok": True,
            "id": transaction.id.hex(),
            "block_num": block.num,
            "block_id": block.id.hex(),
            "irreversible": block.num <= self._chain.lib.num,
            **self._confirmed(block.num),
            "transaction": printed,
        }

    def _confirmed(self, num: int | None) -> dict[str, Any]:
        """How many producers have built on the head's branch's block num, itself counted.

        None of them on no block. safe: half of them, rounded up, have (PROTOCOL B40).
        """
        built, of = self._chain.confirmations(num or 0)
        confirmations = 0 if num is None else built
        return {
            "confirmations": confirmations, "producers": of, "safe": 2 * confirmations >= of,
        }  # fmt: skip

    def _printed(self, block: SignedBlock, told: tuple[Transaction, ...]) -> dict[str, Any]:
        """The block as public APIs print it, with only those of its transactions."""
        part = dataclasses.replace(block, transactions=told)
        return self._chain.codec.printed(part, self._chain.slot_clock)

    def _id_at(self, num: int) -> bytes | None:
        """The id of the head's branch's block num, None where it has none that is kept."""
        if num <= self._chain.lib.num:
            return self._store.irreversible_id(num)
        if num > self._chain.head.num:
            return None
        # One that is too old to be remembered by the branch makes the list begin later.
        known = self._chain.branch_ids(num)[:1]
        return next((i for i in known if int.from_bytes(i[:4], "big") == num), None)

    def _below(self, num: int) -> Generator[tuple[int, bytes], None, None]:
        """Yield (number, bytes) of the head's branch's blocks below num, the highest first."""
        reversible = self._chain.lib.num + 1
        if num > reversible:
            for block_id in reversed(self._chain.branch_ids(reversible)):
                at = int.from_bytes(block_id[:4], "big")
                raw = self._store.raw(block_id) if at < num else None
                if raw is not None:
                    yield at, raw
        yield from self._store.irreversible_below(min(num, reversible))

    def _range(self) -> str:
        """Which blocks there are."""
        head, lib = self._chain.head.num, self._chain.lib.num
        return f"block {head} is the head and block {lib} the last irreversible one"


def _part(transactions: tuple[Transaction, ...]) -> tuple[Transaction, ...]:
    """The first of them that are PART_BYTES together or just more; always one."""
    size = 0
    for count, transaction in enumerate(transactions):
        if size > PART_BYTES:
            return transactions[:count]
        size += transaction.size_bytes
    return transactions


def _refused(reason: str, detail: str) -> dict[str, object]:
    return {"ok": False, "reason": reason, "detail": detail}
