"""One chain that signs for everybody, slot after slot: what worlds with votes or money stand on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from node.chain.genesis import Genesis
from node.chain.model.block import SignedBlock
from node.chain.model.messages import Effect
from node.chain.model.operation import Operation
from node.events import Txs
from tests.unit.node_chain.builders import blocks_of, make_chain, of_kind, signed, submit, tick


class Lone:
    """A chain on its own; log: all that it did."""

    def __init__(self, genesis: Genesis, signers: Sequence[str]) -> None:
        self.genesis = genesis
        self.chain = make_chain(genesis, signers, enable_stale_production=True)
        self.slot = self.chain.head.slot
        self.log: list[Effect] = []

    def do(self, *operations: Operation, lives_s: int = 60) -> str:
        """Submit the operations in one transaction; return why it was refused, "" if it was not."""
        transaction = signed(self.chain, *operations, lives_s=lives_s)
        effects = submit(self.chain, transaction, slot=max(self.slot, self.chain.head.slot))
        return "".join(told.reason for told in of_kind(effects, Txs))

    def run(self, slots: int = 1) -> list[Effect]:
        """Let slots pass; return what the chain did."""
        effects: list[Effect] = []
        for _ in range(slots):
            self.slot += 1
            effects += tick(self.chain, self.slot)
        self.log += effects
        return effects

    @property
    def blocks(self) -> list[SignedBlock]:
        """Return all blocks so far."""
        return blocks_of(self.log)

    @property
    def tables(self) -> dict[str, dict[Any, Any]]:
        """Return all rows at the head."""
        return self.chain._ledger.image(self.chain.head.num).tables  # type: ignore[return-value]
