"""A running node that may lie: asks its file whether to, and hands work orders to the liar in it.

Of a node whose configuration names no file, all goes through as it is.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from node.byzantine.behaviour import BehaviourFile
from node.byzantine.forging import Act, Self
from node.chain import profiles
from node.chain.chain import Chain
from node.chain.encoding.crypto import PrivateKey
from node.chain.genesis import Genesis
from node.chain.model.messages import Effect, Relay
from node.chain.model.transaction import Transaction
from node.config import NodeConfig
from node.events import Lies

if TYPE_CHECKING:
    from node.byzantine.strategies import Liar


class Lying:
    """What a node does instead of its chain's effects, and what it denies to have."""

    def __init__(
        self, config: NodeConfig, genesis: Genesis, keys: Mapping[str, PrivateKey], *,
        wall_ns: Callable[[], int],
    ) -> None:  # fmt: skip
        path = config.byzantine_file
        self._file = BehaviourFile(None if path is None else Path(path))
        self._peers = tuple(peer.host for peer in config.peers)
        self._wall_ns = wall_ns
        self._rng = random.Random()
        self._liar: Liar | None = None
        if path is not None:
            # Imported here: an honest node must not pay for what liars know of every system.
            from node.byzantine import strategies

            profile = profiles.build(genesis)
            who = Self(host=config.host, genesis=genesis, profile=profile, keys=keys)
            self._liar = strategies.Liar(who)

    @property
    def strategy(self) -> str:
        """Return by which strategy the node lies now, "" while it does not."""
        behaviour = None if self._liar is None else self._liar.behaviour
        return "" if behaviour is None else behaviour.strategy

    def remember(self, chain: Chain, raws: Iterable[bytes]) -> None:
        """Take note of what the store had of the chain, or a liar could forge nothing on it."""
        if self._liar is not None:
            blocks = (chain.codec.decode(raw) for raw in raws)
            self._liar.remember(blocks, head_id=chain.head.id, lib_num=chain.lib.num)

    def look(self) -> Lies | None:
        """Do as the file says from now on; return what to tell of it where that is new."""
        if self._liar is None:
            return None
        found = self._file.read()
        if found is not None and not self._liar.can(found.strategy):
            found = None
        if found == self._liar.behaviour:
            return None
        self._liar.follow(found)
        self._rng = random.Random(0 if found is None else found.seed)
        return Lies(strategy=self.strategy)

    def acts(self, effects: Sequence[Effect]) -> Sequence[Act]:
        """Return what the node does instead of these effects of its chain."""
        if self._liar is None:
            return effects
        return self._liar.rewrite(effects, now_ns=self._wall_ns(), peers=self._peers, rng=self._rng)

    def hides(self, block_id: bytes) -> bool:
        """Return whether the node pretends not to have the block."""
        return self._liar is not None and self._liar.hides(block_id, self._wall_ns())

    def passes_on(self, transactions: Sequence[Transaction]) -> list[Transaction]:
        """Return those of transactions that the node passes on to a peer that is owed them."""
        if not self.strategy or not transactions:
            return list(transactions)
        asked = Relay(transactions=list(transactions), source=None)
        return [one for act in self.acts([asked]) if isinstance(act, Relay)
                for one in act.transactions]  # fmt: skip
