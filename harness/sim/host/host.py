"""One simulated node: a chain, its clocks and its store; it does what the node's service does.

Inputs go into `Chain.step`, its effects are done in order. No rule lives here: this is wiring.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
from coincurve import PrivateKey

from harness.sim.host.bursts import Bursts
from harness.sim.host.clock import HostClock, refusal
from harness.sim.host.engine import Action, Engine
from harness.sim.host.memory import Loss, MemoryStore
from harness.sim.host.records import Sink
from node import events
from node.byzantine.strategies import Liar
from node.chain import notices
from node.chain.chain import Chain
from node.chain.encoding.crypto import Verifier, public_key
from node.chain.execution import Execute
from node.chain.genesis import Genesis
from node.chain.model import messages
from node.chain.model.block import SignedBlock
from node.chain.model.transaction import Transaction
from node.chain.model.voice import READY
from node.chain.profile import Profile
from node.chain.validation import NOBODY_TRUSTED, Judge
from node.config import HealthConfig
from node.local.closed_loop import ENDS
from node.network.gossip import Gossip
from node.timing.health import HealthMonitor
from node.timing.slots import SlotWatch, due_events

WAKE_NS = 100_000
"""How late a node wakes for its slot."""
CLOCK_CHECK_NS = 5_000_000_000
STEPPED_NS = 100_000_000
"""How long after a step of its clock a node does not know yet by how much."""
SOFTWARE = "slotlab 0.1.0 sim"


Rewriter = Callable[[list[messages.Effect], random.Random], list[messages.Effect]]
"""A Byzantine node's deviation: the effects that are done instead of the chain's own."""


class Outside(Protocol):
    """What a node needs of the network."""

    def broadcast(self, host: Host, block: SignedBlock, source: str | None) -> None:
        """Spread a block."""

    def relay(self, host: Host, transactions: Sequence[Transaction], source: str | None) -> None:
        """Spread transactions."""

    def request_sync(self, host: Host, peer: str) -> None:
        """Ask peer for what is missing below the block it sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all hosts of one world share."""

    engine: Engine
    genesis: Genesis
    profile: Profile
    verifier: Callable[[], Verifier]
    judge: Judge
    execute: Execute
    sink: Sink | None
    clock_limit_ns: int | None


class Host:
    """Mutable: everything of one node. chain is None while the node is down."""

    def __init__(
        self, name: str, shared: Shared, clock: HostClock, keys: Mapping[str, PrivateKey],
        rng: random.Random,
    ) -> None:  # fmt: skip
        self.name = name
        self.shared = shared
        self.clock = clock
        self.keys = keys
        self.spare_keys: tuple[PrivateKey, ...] = ()
        self.store = MemoryStore()
        self.outside: Outside | None = None
        self.chain: Chain | None = None
        self.enable_stale_production = False
        """Whether it signs on a head however old, as an operator may have it do."""
        self.trust = NOBODY_TRUSTED
        self.lib_age_ns_max: int | None = None
        self.stance = READY
        self.health = HealthConfig()
        self.life = 0
        """Rises with each start and crash: what was on its way to an earlier life is lost."""
        self.paused = False
        self.keep_slots: int | None = None
        """A silent node follows the chain and signs only the first so many slots of a turn."""
        self.rewriter: Rewriter | None = None
        self.hides: Callable[[bytes], bool] | None = None
        """Whether a liar pretends not to have the block of an id."""
        self.liar: Liar | None = None
        """Who lies here now and then."""
        self.inbox: list[tuple[Action, tuple[object, ...]]] = []
        self.ended: Callable[[list[str]], None] | None = None
        """Hears which transactions of its client ended."""
        self.feeding = False
        """Whether it applies an answer, of which it announces nothing."""
        self.gossip = Gossip(name)
        self._rng = rng
        self._engine = shared.engine
        self._sink = shared.sink
        self._arm = 0
        self._stepped_ns: int | None = None
        self._monitor = self._new_monitor()
        slots, first_slot = shared.profile.clock, shared.genesis.initial_slot + 1
        self._watch = SlotWatch(slots, first_slot)
        # The nominal one, the same in every slot: handling takes no time here.
        self._left_ns = slots.left_ns(first_slot, slots.wake_ns(first_slot))

    # ------------------------------------------------------------ life

    def start(self) -> None:
        """Start the node on what its store holds."""
        shared = self.shared
        chain = Chain(
            shared.genesis, profile=shared.profile, keys=self.keys, spare_keys=self.spare_keys,
            watermarks=dict(self.store.watermarks), verifier=shared.verifier(),
            enable_stale_production=self.enable_stale_production,
            trust=self.trust, lib_age_ns_max=self.lib_age_ns_max, stance=self.stance,
            judge=shared.judge, execute=shared.execute,
        )  # fmt: skip
        for block, irreversible in self.store.restore():
            chain.step(messages.BlockRestored(block=block, irreversible=irreversible))
        self.chain = chain
        self.life += 1
        self.paused = False
        self.inbox.clear()
        self.gossip = Gossip(self.name)
        self._tell_started(chain)
        self._watch = SlotWatch(chain.slot_clock, shared.genesis.initial_slot + 1)
        self._monitor = self._new_monitor()
        self._arm_at(self._watch.first_due_ns(self.clock.wall_ns(self._engine.now_ns)))
        self._poll_clock(self.life)

    def crash(self, loss: Loss) -> None:
        """Stop at once; the store keeps what loss leaves."""
        self.chain = None
        self.life += 1
        self.paused = self.feeding = False
        self.inbox.clear()
        self.store.crash(loss)

    def fail(self, reason: str) -> None:
        """Say why it ends, in what may be its last line."""
        if self.chain is not None and not self.paused:
            self.emit(events.Stopped(reason=reason))

    def stop(self, reason: str) -> None:
        """End in order."""
        if self.chain is not None:
            if self._sink is not None:
                self.emit(notices.supply(self.chain.snapshot()(), self.chain.contracts))
            self.emit(events.Stopped(reason=reason))
            self.store.commit()
            self.chain = None
            self.life += 1

    def pause(self) -> None:
        """Freeze the process: what arrives waits, slots pass."""
        self.paused = self.chain is not None

    def resume(self) -> None:
        """Go on where pause stopped: late slots first, then what waited."""
        if not self.paused:
            return
        self.paused = False
        self._on_due(self.life, self._arm)
        waiting, self.inbox = self.inbox, []
        for action, args in waiting:
            if self.chain is not None:
                action(*args)

    def at_work_until_ns(self) -> int | None:
        """Return the time at which the block being built here is out; None when none is."""
        assert self.chain is not None
        now_ns = self._engine.now_ns
        slot = self.chain.at_work(self.clock.wall_ns(now_ns))
        if slot is None:
            return None
        return self.clock.true_ns(self.chain.slot_clock.wake_ns(slot), now_ns) + WAKE_NS

    def clock_changed(self, *, stepped: bool) -> None:
        """Look at the clock again: it was set, or runs otherwise."""
        if self.chain is None:
            return
        now_ns = self._engine.now_ns
        if stepped:
            self._stepped_ns = now_ns
            self._engine.at(now_ns + STEPPED_NS, self._check_clock, self.life)
        due_ns = self._watch.rearm_ns(self.clock.wall_ns(now_ns))
        self._arm_at(self._watch.next_due_ns() if due_ns is None else due_ns)

    # ------------------------------------------------------------ inputs

    def take_block(self, block: SignedBlock, peer: str) -> None:
        """Take a block that arrived from peer."""
        chain = self.chain
        assert chain is not None
        raw = self.shared.profile.codec.encode(block)
        if self.gossip.seen_blocks.add(block.id) and self._sink is not None:
            self.emit(notices.received(block, len(raw), peer))
        now_ns = self.clock.wall_ns(self._engine.now_ns)
        self.step(messages.BlockReceived(now_ns=now_ns, block=block, raw=raw, peer=peer))

    def take_transaction(self, transaction: Transaction, peer: str | None) -> str:
        """Take a transaction; return the reason word of a refusal, "" when it was taken."""
        now_ns = self.clock.wall_ns(self._engine.now_ns)
        event = messages.TransactionsReceived(now_ns=now_ns, transactions=(transaction,), peer=peer)
        effects = self.step(event)
        first = effects[0] if effects else None
        return first.reason if isinstance(first, messages.Refuse) else ""

    def step(self, event: messages.Input) -> list[messages.Effect]:
        """Feed one input to the chain, do its effects in order, and return them."""
        assert self.chain is not None
        assert self.outside is not None
        effects = self.chain.step(event)
        if self.rewriter is not None:
            effects = self.rewriter(effects, self._rng)
        told = self._sink is not None
        for effect in effects:
            if not isinstance(effect, messages.Emit):
                self._do(effect)
                continue
            record = effect.record
            if self.ended and isinstance(record, events.Txs) and record.state in ENDS:
                self.ended(record.ids)
            if told:
                self.emit(self._completed(record))
        return effects

    def passes_on(self, transactions: Iterable[Transaction]) -> list[Transaction]:
        """Return those of transactions that the node passes on: a liar may keep some back."""
        asked = [messages.Relay(transactions=(t,), source=None) for t in transactions]
        done = asked if self.rewriter is None else self.rewriter(list(asked), self._rng)
        return [t for effect in done if isinstance(effect, messages.Relay)
                for t in effect.transactions]  # fmt: skip

    def _do(self, effect: messages.Effect) -> None:
        assert self.outside is not None
        match effect:
            case messages.Persist(block=block, watermark=watermark):
                self.store.put(block, watermark)
            case messages.Broadcast(block=block, source=source):
                self.outside.broadcast(self, block, source)
            case messages.Finalize(num=num, id=block_id):
                self.store.finalize(num, block_id)
            case messages.Relay(transactions=transactions, source=source):
                self.outside.relay(self, transactions, source)
            case messages.RequestSync(peer=peer):
                self.outside.request_sync(self, peer)

    def emit_bursts(self, told: Bursts) -> None:
        """Write what this host's prober tells."""
        if self._sink is not None:
            self._sink.write_bursts(self.name, self.clock, told)

    def emit(self, record: msgspec.Struct, role: str = "node") -> None:
        """Write one event of this host."""
        if self._sink is not None:
            now_ns = self._engine.now_ns
            self._sink.write(now_ns, self.name, role, self.clock, record)
            if role == "node" and (told := self._monitor.see(record)) is not None:
                self._sink.write(now_ns, self.name, role, self.clock, told)

    # ------------------------------------------------------------ slots

    def _arm_at(self, due_wall_ns: int) -> None:
        self._arm += 1
        now_ns = self._engine.now_ns
        true_ns = self.clock.true_ns(due_wall_ns, now_ns) + WAKE_NS
        self._engine.at(true_ns, self._on_due, self.life, self._arm)

    def _on_due(self, life: int, arm: int) -> None:
        if life != self.life or arm != self._arm or self.paused or self.chain is None:
            return
        now_ns = self.clock.wall_ns(self._engine.now_ns)
        passed = self._watch.passed(now_ns)
        self._arm_at(self._watch.next_due_ns())
        if not passed.slots:
            return
        chain = self.chain
        if self._sink is not None:
            for record in due_events(chain, passed, now_ns, self.keys):
                self.emit(record)
        slot, abstain = passed.slots[-1], self._clock_refusal()
        turn = self.shared.genesis.blocks_per_turn
        if self.keep_slots is not None and slot % turn >= self.keep_slots:
            abstain = "silent"
        self.step(messages.Tick(now_ns=now_ns, slot=slot, abstain=abstain, left_ns=self._left_ns))

    # ------------------------------------------------------------ the clock

    def _clock_refusal(self) -> str | None:
        now_ns, limit_ns = self._engine.now_ns, self.shared.clock_limit_ns
        if limit_ns is None:
            return None
        if self._stepped_ns is not None:
            if now_ns - self._stepped_ns < STEPPED_NS:
                return "clock_stepped"
            self._stepped_ns = None
        return refusal(*self.clock.checked(now_ns), limit_ns)

    def _poll_clock(self, life: int) -> None:
        """Check the clock now and then."""
        if life == self.life and self.chain is not None:
            self._check_clock(life)
            self._engine.at(self._engine.now_ns + CLOCK_CHECK_NS, self._poll_clock, life)

    def _check_clock(self, life: int) -> None:
        """Report one NTP check."""
        if life != self.life or self.chain is None or self.paused:
            return
        offset_ns, bound_ns = self.clock.checked(self._engine.now_ns)
        reason = refusal(offset_ns, bound_ns, self.shared.clock_limit_ns) or ""
        error_ns = self._rng.randint(-bound_ns // 4, bound_ns // 4)
        rtt_ns = bound_ns if self.clock.served else 0  # As a node tells of a check in vain.
        self.emit(
            events.Clock(
                source="sim", offset_ns=offset_ns + error_ns, bound_ns=bound_ns,
                rtt_ns=rtt_ns, verified=not reason, reason=reason, stratum=1,
            )
        )  # fmt: skip

    # ------------------------------------------------------------ records

    def _new_monitor(self) -> HealthMonitor:
        genesis = self.shared.genesis
        return HealthMonitor(
            self.health, producers=len(genesis.producers), blocks_per_turn=genesis.blocks_per_turn
        )

    def _completed(self, record: msgspec.Struct) -> msgspec.Struct:
        if not isinstance(record, events.Produced):
            return record
        assert self.chain is not None
        now_ns = self.clock.wall_ns(self._engine.now_ns)
        late_ns = now_ns - self.chain.slot_clock.time_ns(record.slot)
        return msgspec.structs.replace(record, late_ns=late_ns)

    def _tell_started(self, chain: Chain) -> None:
        genesis = self.shared.genesis
        self.emit(
            events.Started(
                software=SOFTWARE, python="", role="node",
                chain_id=chain.chain_id.hex(), profile=genesis.profile,
                producers=sorted(self.keys),
                keys={name: public_key(key).hex() for name, key in sorted(self.keys.items())},
                genesis_ns=chain.slot_clock.time_ns(genesis.initial_slot),
                slot_ns=genesis.slot_ns, resumed_num=chain.head.num, resumed_lib=chain.lib.num,
            )
        )  # fmt: skip
