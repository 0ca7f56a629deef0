"""Lying nodes in a simulation: what `node.byzantine` wants done instead of the chain's effects.

Wiring only. What a lie is, and what it looks like, is decided there.
"""

import random
from collections.abc import Sequence

from harness.sim.world import World
from node.byzantine.behaviour import Behaviour
from node.byzantine.forging import Act, Later, Self, SendTo
from node.byzantine.strategies import Liar
from node.chain.model.block import SignedBlock
from node.chain.model.messages import Broadcast, Effect
from node.events import Lies


class Lie:
    """Mutable: one behaviour of the liar at a host, who watches all the time."""

    def __init__(self, world: World, host: str, liar: Liar, behaviour: Behaviour) -> None:
        self._world = world
        self._host = world.hosts[host]
        self._liar = liar
        self._behaviour = behaviour
        self._host.rewriter = self._rewrite
        self._host.hides = self._hides

    def begin(self) -> None:
        """Lie from now on."""
        self._follow(self._behaviour)

    def end(self) -> None:
        """Be correct again; what was put off is still done."""
        self._follow(None)

    def _follow(self, behaviour: Behaviour | None) -> None:
        self._liar.follow(behaviour)
        if self._host.chain is not None:
            self._host.emit(Lies(strategy="" if behaviour is None else behaviour.strategy))

    def _hides(self, block_id: bytes) -> bool:
        return self._liar.hides(block_id, self._wall_ns())

    def _rewrite(self, effects: list[Effect], rng: random.Random) -> list[Effect]:
        peers = self._world.net.neighbours[self._host.name]
        acts = self._liar.rewrite(effects, now_ns=self._wall_ns(), peers=peers, rng=rng)
        return self._carry_out(acts)

    def _carry_out(self, acts: Sequence[Act]) -> list[Effect]:
        """Do what only liars do; return what the host does itself."""
        engine, plain = self._world.engine, list[Effect]()
        for act in acts:
            match act:
                case SendTo():
                    self._send(act)
                case Later():
                    at_ns = self._host.clock.true_ns(act.at_ns, engine.now_ns)
                    engine.at(at_ns, self._later, self._host.life, act)
                case _:
                    plain.append(act)
        return plain

    def _send(self, act: SendTo) -> None:
        name, engine = self._host.name, self._world.engine
        for peer in act.peers:
            if peer == name:
                # After the effects at hand are done.
                engine.at(engine.now_ns, self._feed, self._host.life, act.block)
            else:
                self._world.net.send(name, peer, act.block)

    def _feed(self, life: int, block: SignedBlock) -> None:
        host = self._host
        if host.life == life and host.chain is not None and not host.chain.has_block(block.id):
            host.take_block(block, host.name)

    def _later(self, life: int, act: Later) -> None:
        if self._host.life != life or self._host.outside is None:
            return
        for effect in self._carry_out(act.acts):
            if isinstance(effect, Broadcast):
                self._host.outside.broadcast(self._host, effect.block, effect.source)

    def _wall_ns(self) -> int:
        return self._host.clock.wall_ns(self._world.engine.now_ns)


def attach(world: World, host: str, behaviour: Behaviour) -> Lie:
    """Return a lie that host will tell once begun; call it before the world runs."""
    own = world.hosts[host]
    if own.liar is None:
        genesis, profile = world.spec.genesis, world.profile
        own.liar = Liar(Self(host=host, genesis=genesis, profile=profile, keys=own.keys))
    return Lie(world, host, own.liar, behaviour)
