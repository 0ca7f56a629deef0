"""One node, alive: the only event loop. Inputs go into `Chain.step`, its effects are done in order.

The order of the effects is the contract: a block of ours is on disk before any peer sees it.
Nothing here decides about consensus; the service knows when a slot is due and who is told.
"""

import asyncio
import logging
import platform
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import zmq

from node import events
from node.byzantine import forging
from node.byzantine.lying import Lying
from node.chain import notices, snapshot
from node.chain.encoding.crypto import public_key
from node.chain.encoding.pack import DecodeError
from node.chain.genesis import chain_id
from node.chain.model import messages
from node.chain.model.block import SignedBlock
from node.chain.model.codec import decode_transaction
from node.chain.model.transaction import Transaction
from node.config import NodeConfig
from node.local.chain_answers import ChainAnswers
from node.local.client_answers import Requests
from node.local.local_api import LocalServer
from node.local.notify import notify
from node.network.links import Identity, LinkError
from node.network.net import Inbound, Net, load_identity
from node.storage import startup
from node.storage.database import StoredBlock, StoreError
from node.storage.event_log import EventLogError, Pair, open_log
from node.storage.store import Store
from node.timing.budget import Budget
from node.timing.clock import NodeClock, limit_for_slot
from node.timing.health import HealthMonitor
from node.timing.ntp import ClockCheck, check_servers
from node.timing.pulse import Pulse
from node.timing.resident import resident_bytes
from node.timing.slots import SlotWatch, due_events
from node.timing.timed_judge import TimedJudge
from node.timing.timer import SlotTimer

SOFTWARE = "slotlab 0.1.0"
BUSY = "busy"
"""Why a transaction is refused that the slot has no time for, and what counts those."""
MALFORMED = "malformed"
"""Why one is that cannot be read."""
OTHERS_FIRST_S = 0.02
"""So much later is done what a wake leaves to do, of slots those of others: where nodes share
processors, all have woken, and whose slot it is has its block out by then."""
SNAPSHOT_BLOCKS = 2_000
"""So many irreversible blocks are replayed at most after a crash; an orderly stop leaves none."""

log = logging.getLogger(__name__)


class Service:
    """A node built from its configuration; `run` lives until it is told to stop.

    Raises:
        ConfigError, StoreError, EventLogError, LinkError: one line each.
    """

    def __init__(self, config: NodeConfig, loop: asyncio.AbstractEventLoop) -> None:
        check_servers(config.clock)
        self._config = config
        self._loop = loop
        self._genesis = startup.load_genesis(Path(config.genesis))
        keys = startup.load_keys(config, self._genesis)
        identity = load_identity(config, self._genesis)
        self._clock = NodeClock(config.clock.skew_file)
        self._store = Store(
            Path(config.state_dir), chain_id(self._genesis), wake=loop.call_soon_threadsafe
        )
        self._log = open_log(config, "node", self._clock)
        self._judge = TimedJudge(self._clock.mono_ns)
        self._chain = startup.restore_chain(
            self._genesis, keys, self._store, config, judge=self._judge
        )
        self._lying = Lying(config, self._genesis, keys, wall_ns=self._clock.wall_ns)
        self._lying.remember(self._chain, (raw for raw, _ in self._store.restore()))
        self._snapshot_num = self._chain.lib.num
        self._public_keys = {name: public_key(key).hex() for name, key in keys.items()}
        self._stop = asyncio.Event()
        self._stop_reason = ""
        self._failure: BaseException | None = None
        self._flush_due = False
        self._fsync_ns = 0
        limit_ns = limit_for_slot(self._genesis.slot_ns)
        self._check = ClockCheck(self._clock, config.clock, limit_ns, self._emit)
        self._health = HealthMonitor(
            config.health, producers=len(self._genesis.producers),
            blocks_per_turn=self._genesis.blocks_per_turn,
        )  # fmt: skip
        self._budget = Budget(self._genesis.slot_ns)
        self._watch = SlotWatch(self._chain.slot_clock, self._genesis.initial_slot + 1)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._net = self._open_net(identity)
            self._requests = Requests(
                host=config.host, chain=self._chain, net=self._net, check=self._check,
                health=self._health, lying=self._lying, submit=self._submit,
                stored=ChainAnswers(self._chain, self._store),
            )  # fmt: skip
            self._local = LocalServer(config.socket, self._requests.answer)
        except LinkError:
            self._context.destroy(linger=0)
            raise
        self._pulse = Pulse(each_beat=self._net.poll, each_second=self._each_second)
        self._timer = SlotTimer(loop, self._clock, self._on_due, self._on_wake)

    async def run(self) -> None:
        """Run until told to stop, in order.

        Raises:
            StoreError, EventLogError: the disk failed; anything else is a bug of ours.
        """
        loop = self._loop
        loop.set_exception_handler(self._on_exception)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._request_stop, number.name.lower())
        try:
            self._tell_started()
            startup.seldom_collect()
            self._check.wake()
            self._timer.arm(self._watch.first_due_ns(self._clock.wall_ns()))
            await self._local.serve()
            notify("READY=1")
            async with asyncio.TaskGroup() as tasks:
                checking = tasks.create_task(self._check.run())
                await self._stop.wait()
                checking.cancel()
        finally:
            notify("STOPPING=1")
            self._close()
        if self._failure is not None:
            raise self._failure

    def _open_net(self, identity: Identity) -> Net:
        return Net(
            self._loop, self._context, host=self._config.host, identity=identity,
            peers=self._config.peers, chain=self._chain, store=self._store,
            inbound=Inbound(
                take_block=self._take_block, take_transactions=self._take_transactions,
                emit=self._emit, mono_ns=self._clock.mono_ns, wall_ns=self._clock.wall_ns,
                hides=self._lying.hides, passes_on=self._lying.passes_on, pair=self._clock.pair,
            ),
        )  # fmt: skip

    # ------------------------------------------------------------ inputs

    def _on_wake(self, now_ns: int, late_ns: int) -> None:
        """Every 100 ms at least: judge the clock; if it went back, wait for the slot it shows."""
        self._check.wake()
        if (told := self._lying.look()) is not None:
            self._emit(told)
        due_ns = self._watch.rearm_ns(now_ns)
        if due_ns is not None:
            self._timer.arm(due_ns)
        wait_s = OTHERS_FIRST_S if now_ns >= self._watch.next_due_ns() else 0
        self._loop.call_later(wait_s, self._pulse.beat, now_ns, late_ns)

    def _on_due(self, due_ns: int, wake_error_ns: int) -> None:
        """Tell of the slots whose time has come, and let the chain know, at once if one is ours."""
        now_ns = due_ns + wake_error_ns
        passed = self._watch.passed(now_ns)
        self._timer.arm(self._watch.next_due_ns())
        if not passed.slots or self._stop.is_set():
            return
        for record in due_events(self._chain, passed, now_ns, self._public_keys):
            self._tell(record)
        slot = passed.slots[-1]
        if self._chain.producer_for(slot) in self._public_keys:
            self._tick(slot)
        else:
            self._loop.call_later(OTHERS_FIRST_S, self._tick, slot)

    def _tick(self, slot: int) -> None:
        self._flush_soon()
        if self._stop.is_set():
            return
        now_ns, abstain = self._clock.wall_ns(), self._check.abstain_reason()
        left_ns = self._chain.slot_clock.left_ns(slot, now_ns)
        self._step_block(messages.Tick(now_ns=now_ns, slot=slot, abstain=abstain, left_ns=left_ns))

    def _take_block(self, block: SignedBlock, raw: bytes, peer: str, taken: Pair | None) -> None:
        if taken is not None:
            self._emit(notices.received(block, len(raw), peer), taken)
        now_ns = self._clock.wall_ns()
        self._step_block(messages.BlockReceived(now_ns=now_ns, block=block, raw=raw, peer=peer))

    def _step_block(self, event: messages.Tick | messages.BlockReceived) -> None:
        """Feed the chain what may make or bring a block, and count that as time of its slot."""
        begun_ns = self._clock.mono_ns()
        count = 0
        for effect in self._step(event):
            if isinstance(effect, messages.Emit) and isinstance(effect.record, events.Applied):
                count += effect.record.tx_count
        self._budget.block(count, begun_ns, self._clock.mono_ns())

    def _take_transactions(self, raws: Sequence[bytes], peer: str) -> None:
        """Take what a peer sent, as much of it as the slot has time for.

        Raises:
            DecodeError: it is not transactions.
        """
        room = self._budget.begin(len(raws), self._clock.mono_ns(), local=False)
        try:
            self._admit(self._net.first_seen(peer, raws[:room]), peer)
        finally:
            self._budget.end(self._clock.mono_ns())

    def _submit(self, raws: Sequence[bytes]) -> list[str]:
        """Return of each of a client's transactions why it is not taken, "" of one that is."""
        room = self._budget.begin(
            len(raws), self._clock.mono_ns(),
            local=True, waiting=len(self._chain.mempool), behind=self._net.behind,
            alone=not self._config.peers,
        )  # fmt: skip
        reasons = [""] * room + [BUSY] * (len(raws) - room)
        decoded: dict[int, Transaction] = {}
        for index, raw in enumerate(raws[:room]):
            try:
                decoded[index] = decode_transaction(raw, self._chain.codec.transactions)
            except DecodeError:
                reasons[index] = MALFORMED
        places = list(decoded)
        for effect in self._admit(list(decoded.values()), None):
            if isinstance(effect, messages.Refuse):
                reasons[places[effect.index]] = effect.reason
        self._budget.end(self._clock.mono_ns())
        return reasons

    def _admit(
        self, transactions: Sequence[Transaction], peer: str | None
    ) -> list[messages.Effect]:
        if not transactions:
            return []
        now_ns = self._clock.wall_ns()
        return self._step(
            messages.TransactionsReceived(now_ns=now_ns, transactions=transactions, peer=peer)
        )

    # ------------------------------------------------------------ effects

    def _step(self, event: messages.Input) -> list[messages.Effect]:
        """Feed one input to the chain, do its effects in order, and return them."""
        effects = self._chain.step(event)
        self._carry_out(self._lying.acts(effects))
        return effects

    def _carry_out(self, effects: Sequence[forging.Act]) -> None:
        """Do effects in order; those behind a final mark once it is durable."""
        for place, effect in enumerate(effects):
            match effect:
                case messages.Persist():
                    self._persist(effect)
                case messages.Broadcast(block=block, raw=raw, source=source):
                    self._net.broadcast(block, raw, source)
                case messages.Relay(transactions=transactions, source=source):
                    self._net.relay(transactions, source)
                case messages.Finalize():
                    self._finalize(effect, effects[place + 1 :])
                    return
                case messages.RequestSync(peer=peer):
                    self._net.request_sync(peer)
                case messages.Emit(record=events.Produced() as produced):
                    self._emit(self._completed(produced))
                case messages.Emit(record=events.Applied() as applied):
                    self._emit(self._judge.marked(applied))
                case messages.Emit(record=record):
                    self._emit(record)
                case forging.SendTo(block=block, peers=peers):
                    self._net.send_to(block, peers)
                case forging.Later(at_ns=at_ns, acts=acts):
                    wait_s = max(0, at_ns - self._clock.wall_ns()) / 1e9
                    self._loop.call_later(wait_s, self._carry_out, acts)

    def _finalize(self, final: messages.Finalize, behind: Sequence[forging.Act]) -> None:
        self._store.finalize(final.num, final.id, then=lambda: self._carry_out(behind))
        due = final.num - self._snapshot_num >= SNAPSHOT_BLOCKS
        if due and not self._store.keeps_snapshot:
            self._keep_snapshot()

    def _keep_snapshot(self) -> None:
        """Keep the state at the last irreversible block, so that a restart need not replay all."""
        chain = self._chain
        self._snapshot_num = chain.lib.num
        self._store.keep_snapshot(snapshot.pieces(chain.snapshot(), chain_id=chain.chain_id))

    def _persist(self, wanted: messages.Persist) -> None:
        block = wanted.block
        stored = StoredBlock(num=block.num, id=block.id, previous=block.previous, raw=wanted.raw)
        if wanted.watermark is None:
            self._store.put(stored)
            return
        begun_ns = time.monotonic_ns()
        self._store.put_own(stored, wanted.watermark)
        self._fsync_ns = time.monotonic_ns() - begun_ns

    def _completed(self, produced: events.Produced) -> events.Produced:
        late_ns = self._clock.wall_ns() - self._chain.slot_clock.time_ns(produced.slot)
        return msgspec.structs.replace(produced, late_ns=late_ns, fsync_ns=self._fsync_ns)

    def _emit(self, record: msgspec.Struct, pair: Pair | None = None) -> None:
        self._tell(record, pair)
        self._flush_soon()

    def _tell(self, record: msgspec.Struct, pair: Pair | None = None) -> None:
        """Write a record and what follows from it; somebody else sees to it that it is flushed."""
        self._log.write(record, pair)
        self._requests.ends.see(record)
        if (told := self._health.see(record)) is not None:
            self._log.write(told)

    def _flush_soon(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if self._failure is None:
            self._log.flush()

    # ------------------------------------------------------------ housekeeping

    def _each_second(self) -> None:
        self._store.commit()
        self._net.each_second()
        if refused := self._budget.take_refused():
            self._emit(events.Dropped(queue=BUSY, n=refused))
        sent_bytes, taken_bytes = self._net.take_traffic()
        self._emit(
            events.Process(
                cpu_ns=time.process_time_ns(), rss_bytes=resident_bytes(),
                loop_late_ns=self._pulse.take_late_ns(), mempool=len(self._chain.mempool),
                peers=len(self._net.ready), sent_bytes=sent_bytes, taken_bytes=taken_bytes,
            )
        )  # fmt: skip

    def _tell_started(self) -> None:
        chain, genesis = self._chain, self._genesis
        self._emit(
            events.Started(
                software=SOFTWARE, python=platform.python_version(), role="node",
                chain_id=chain.chain_id.hex(), profile=genesis.profile,
                producers=sorted(self._public_keys), keys=self._public_keys,
                genesis_ns=chain.slot_clock.time_ns(genesis.initial_slot),
                slot_ns=genesis.slot_ns, resumed_num=chain.head.num, resumed_lib=chain.lib.num,
            )
        )  # fmt: skip

    # ------------------------------------------------------------ the end

    def _request_stop(self, reason: str) -> None:
        if not self._stop.is_set():
            self._stop_reason = reason
            self._stop.set()
            self._pulse.stop()

    def _on_exception(self, loop: asyncio.AbstractEventLoop, about: Mapping[str, object]) -> None:
        """End the node at the first failure of any callback: one that limps is worse than none."""
        failure = about.get("exception")
        if not isinstance(failure, BaseException):
            log.error("%s", about.get("message"))
        elif self._failure is None:
            self._failure = failure
            on_disk = isinstance(failure, EventLogError | StoreError)
            self._request_stop("disk_failed" if on_disk else type(failure).__name__)

    def _close(self) -> None:
        """Let go of everything; what the disk still takes is written."""
        self._timer.close()
        self._local.close()
        self._net.close()
        self._context.term()
        try:
            if self._failure is None:
                self._emit(notices.supply(self._chain.snapshot()(), self._chain.contracts))
                self._keep_snapshot()
                self._store.sync()
            self._emit(events.Stopped(reason=self._stop_reason or "failed"))
            self._log.close()
            self._store.close()
        except (EventLogError, StoreError) as error:
            if self._failure is None:
                self._failure = error
