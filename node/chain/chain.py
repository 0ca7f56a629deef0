"""`Chain.step`: the one door of the consensus core. Facts go in, a work order comes out.

It does not know sockets, disks, clocks or threads: time is in the inputs, signatures are checked
through the Verifier it is given, and whoever drives it carries out the effects in their order.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from coincurve import PrivateKey

from node.chain import execution, notices, validation
from node.chain.encoding.crypto import Verifier
from node.chain.execution import Execute, Room, Told
from node.chain.fork_db import BlockRef, ForkDB, ForkItem
from node.chain.genesis import Genesis
from node.chain.ledger.ledger import Ledger
from node.chain.ledger.mempool import Mempool
from node.chain.ledger.pending import Pending
from node.chain.model.block import SignedBlock
from node.chain.model.errors import BlockRejected, Reason
from node.chain.model.messages import (
    BlockReceived,
    BlockRestored,
    Broadcast,
    Effect,
    Emit,
    Finalize,
    Input,
    Persist,
    RequestSync,
    Tick,
    TransactionsReceived,
)
from node.chain.model.voice import READY, Stance
from node.chain.model.watermark import Watermark
from node.chain.profile import ChainState, Profile
from node.chain.signing import Signing
from node.chain.snapshot import Snapshot
from node.chain.stages import Stages
from node.chain.validation import EVERYBODY_TRUSTED, NOBODY_TRUSTED, Judge, Trust
from node.events import Abstained


class Chain:
    """One node's view of the chain. Mutable: fork tree, ledger, mempool, watermarks.

    To look at: genesis, from which all branches start, chain_id, codec, slot_clock, contracts,
    is_whole, and mempool, the transactions that wait.
    """

    def __init__(
        self,
        genesis: Genesis,
        *,
        profile: Profile,
        keys: Mapping[str, PrivateKey],
        spare_keys: Sequence[PrivateKey] = (),
        watermarks: Mapping[str, Watermark],
        verifier: Verifier,
        enable_stale_production: bool = False,
        trust: Trust = NOBODY_TRUSTED,
        snapshot: Snapshot | None = None,
        lib_age_ns_max: int | None = None,
        stance: Stance = READY,
        judge: Judge = validation.judge_content,
        execute: Execute = execution.apply_block,
    ) -> None:
        """Begin at genesis, or at a snapshot of this chain; who signs must not trust everybody."""
        assert not (keys and trust.light)
        root = profile.genesis_state if snapshot is None else snapshot.state
        self.genesis = BlockRef.of(profile.genesis_state)
        self.chain_id, self.codec, self.slot_clock = profile.chain_id, profile.codec, profile.clock
        self._profile, self.contracts = profile, profile.transaction_rules.contracts
        self.is_whole = validation.WholeCheck(profile)
        self._signing = Signing(
            profile, keys, watermarks, spare_keys=spare_keys, stance=stance,
            stale_allowed=enable_stale_production, lib_age_ns_max=lib_age_ns_max,
        )  # fmt: skip
        self._verifier, self._judge, self._execute = verifier, judge, execute
        self._fork_db = ForkDB(root)
        self._trust = trust
        self._ledger = Ledger(
            genesis, chain_id=profile.chain_id, genesis_id=self.genesis.id,
            rules=profile.transaction_rules,
        )  # fmt: skip
        if snapshot is not None:
            self._ledger.load(snapshot.ledger, root.num)
        self.mempool = Mempool()
        self._pending = Pending(self._ledger, self.mempool, verifier)
        self._lib = self._fork_db.root.ref
        self._announced_num = root.num
        self._stages = Stages(root.num)
        self._told_head: ForkItem | None = None

    # ------------------------------------------------------------ views

    @property
    def head(self) -> BlockRef:
        """Return the executed, preferred block."""
        return self._fork_db.head.ref

    @property
    def lib(self) -> BlockRef:
        """Return the last irreversible block; at the start, genesis."""
        return self._lib

    @property
    def schedule(self) -> tuple[str, ...]:
        """Return the producers in order of turns, for the block after the head."""
        return self._fork_db.head.state.schedule

    @property
    def state_digest(self) -> bytes:
        """Return the commitment to the state at the head."""
        return self._ledger.digest

    def balance(self, account: str, *, read: Literal["head", "irreversible"] = "head") -> int:
        """Return what account owns at the head, or at the last irreversible block."""
        if read == "head":
            return self._ledger.balance(account)
        return self._ledger.balance_at(account, self._lib.num)

    def snapshot(self) -> Callable[[], Snapshot]:
        """Return what gives, once, the state at the newest block that can never be undone."""
        root = self._fork_db.root
        return Snapshot.later(root.state, self._ledger.frozen(root.num))

    def producer_for(self, slot: int) -> str:
        """Return who may sign a child of the head in slot."""
        return self._fork_db.head.state.producer_for(slot).name

    def confirmations(self, num: int) -> tuple[int, int]:
        """Return how many producers built on the head's branch's block num, and of how many."""
        newest = self._fork_db.head.state.newest
        return sum(last >= num for last in newest), len(newest)

    def at_work(self, now_ns: int) -> int | None:
        """Return the slot whose block this node builds at now_ns; a block that comes is dropped.

        None: blocks are taken.
        """
        if not self.slot_clock.begun_ns:
            return None  # Nodes of these habits drop nothing; asked for each block that comes.
        return self._signing.at_work(now_ns, self._fork_db.head.state, self._lib.slot)

    def has_block(self, block_id: bytes) -> bool:
        """Return whether the block is in the tree, or irreversible and among the last 65,536."""
        if self._fork_db.get(block_id) is not None:
            return True
        num = int.from_bytes(block_id[:4], "big")
        return num <= self._fork_db.root.num and self._ledger.id_at(num) == block_id

    def branch_ids(self, from_num: int) -> list[bytes]:
        """Return the head's branch's ids from from_num to the head; at most the last 65,536.

        Genesis is among them, whether or not a transaction may refer to it.
        """
        first = self.genesis.num + 1
        ids = (self._ledger.id_at(num) for num in range(max(from_num, first), self.head.num + 1))
        known = [block_id for block_id in ids if block_id is not None]
        return [self.genesis.id, *known] if from_num < first else known

    # ------------------------------------------------------------ the door

    def step(self, event: Input) -> list[Effect]:
        """Return what must be done, in this order, now that event happened."""
        effects: list[Effect] = []
        match event:
            case Tick():
                self._on_tick(event, effects)
            case BlockReceived():
                self._on_block(event, effects)
            case TransactionsReceived():
                self._on_transactions(event, effects)
                return effects
            case BlockRestored():
                self._on_restored(event)
                return []
        head = self._fork_db.head
        if head is not self._told_head:
            # What each stage has reached and what is final follow from the head alone.
            self._told_head = head
            effects.extend(self._stages.rises(head.state, self._ledger.id_at))
            self._advance_irreversible(effects)
        return effects

    # ------------------------------------------------------------ producing

    def _on_tick(self, tick: Tick, effects: list[Effect]) -> None:
        head = self._fork_db.head
        at_ns = self._profile.transaction_time_ns(head.state, self.slot_clock.time_ns(tick.slot))
        if gone := self.mempool.expire(at_ns):
            effects.extend(self.mempool.tell(gone, "expired"))
            self._pending.leave()  # What they did there is no longer to be expected.
        self._signing.held_back = tick.abstain
        if head.state.next_slot >= tick.slot:
            self._signing.caught_up()
        producer = head.state.producer_for(tick.slot).name
        if tick.slot <= self.genesis.slot or not self._signing.signs_for(producer):
            return
        refusal = self._signing.refusal(tick, producer, head.state, self._lib.slot)
        refusal = refusal or self._produce(tick, producer, effects)
        if refusal:
            notice = Abstained(slot=tick.slot, producer=producer, reason=refusal)
            effects.append(Emit(record=notice))

    def _produce(self, tick: Tick, producer: str, effects: list[Effect]) -> str:
        """Sign and send a child of the head; return why that must not be, "" when it was done."""
        head, profile, ledger, slot = self._fork_db.head, self._profile, self._ledger, tick.slot
        at_ns = profile.transaction_time_ns(head.state, profile.clock.time_ns(slot))
        chosen, dropped = self._pending.block(slot, at_ns), list[Emit]()
        if chosen is None or not self._room(tick.left_ns).holds(chosen):
            self._pending.leave()
            ledger.begin(head.state, slot, at_ns)
            ledger.forget_expired()
            chosen, dropped = execution.choose_transactions(
                ledger, self.mempool, self._room(tick.left_ns), self._verifier
            )
        executed = ledger.finish(profile.transaction_mroot(chosen))
        signer = head.state.producer_for(slot)
        mark, voice = self._signing.watermark(producer), self._signing.voice(signer)
        header = head.state.draft(slot, mark, executed, voice)
        state = head.state.child(header)
        if not profile.prefers(state, head.state, lambda: head.state):
            # A schedule that shrank may claim less than the head: nobody would follow this block.
            ledger.abort()
            effects.extend(dropped)
            self._signing.held_back = Reason.NOT_PREFERRED
            return Reason.NOT_PREFERRED
        block, mark = self._signing.sign(signer, header, state.signing_digest, chosen)
        item = self._fork_db.add(state.with_id(block.id), block)
        applied = execution.told(item.state, block, *ledger.end(block.id))
        item.validated = True
        self._fork_db.head = item
        raw = profile.codec.encode(block)
        effects.append(Persist(block=block, raw=raw, watermark=mark))
        # Reported before it is sent, so that no peer can receive it earlier than it was produced.
        effects.append(Emit(record=notices.produced(block, len(raw))))
        effects.append(Broadcast(block=block, raw=raw))
        self._report_applied(item, applied, effects)
        effects.extend(dropped)
        return ""

    def _room(self, left_ns: int | None) -> Room:
        """What the open block has for transactions while that much wall time is left for them."""
        room = self._room_of_nothing()
        if self._ledger.announced is not None:
            room.bytes -= len(self._ledger.announced.pack())
        if room.us is not None and left_ns is not None:
            room.us = min(room.us, left_ns // 1_000)
        return room

    def _room_of_nothing(self) -> Room:
        """What a child of the head has for transactions while there is nothing else in it."""
        most_bytes = self._profile.max_block_bytes(self._fork_db.head.state)
        return Room(most_bytes - validation.BLOCK_OVERHEAD_BYTES, self.slot_clock.most_us)

    # ------------------------------------------------------------ receiving blocks

    def _on_block(self, event: BlockReceived, effects: list[Effect]) -> None:
        block = event.block
        if self.has_block(block.id):
            return
        slot = self.at_work(event.now_ns)
        if slot is not None:
            effects.append(notices.ignored(block, slot, event.peer))
            effects.append(RequestSync(peer=event.peer))
            return
        try:
            parent = validation.check_place(
                block, event.now_ns, fork_db=self._fork_db, profile=self._profile
            )
            state = self._judge(
                block, len(event.raw), parent, self._profile, self._verifier, self.is_whole
            )
            effects.append(Persist(block=block, raw=event.raw))
            effects.append(Broadcast(block=block, raw=event.raw, source=event.peer))
            self._accept(state, block, effects, self._trust)
            if self.slot_clock.time_ns(self._fork_db.head.state.next_slot) >= event.now_ns:
                self._signing.caught_up()
        except BlockRejected as error:
            if error.reason == Reason.UNLINKABLE:
                effects.append(RequestSync(peer=event.peer))
            else:
                effects.append(notices.rejected(block, error.reason, event.peer))

    def _accept(
        self, state: ChainState, block: SignedBlock, effects: list[Effect], trust: Trust
    ) -> ForkItem:
        """Put a checked block into the tree and make it the head if it is preferred now."""
        self._signing.saw(block)
        tree, head = self._fork_db, self._fork_db.head
        item = tree.add(state, block)
        if self._profile.prefers(state, head.state, lambda: tree.branches(head, item)[2].state):
            self._move_head(item, effects, trust)
        return item

    def _on_restored(self, event: BlockRestored) -> None:
        """Take a block of our own store: as if it came again, but unannounced.

        It was stored before it was executed: only what was irreversible is taken on trust.
        """
        block = event.block
        parent = self._fork_db.get(block.previous)
        if parent is None or self.has_block(block.id):
            return
        unsaid: list[Effect] = []
        trust = EVERYBODY_TRUSTED if event.irreversible else self._trust
        try:
            state = parent.state.child(block.header).with_id(block.id)
            item = self._accept(state, block, unsaid, trust)
            if event.irreversible and item is not self._fork_db.head:
                self._move_head(item, unsaid, trust)
        except BlockRejected:
            return  # It failed in its first life too, after it had been stored.
        root_num = self._fork_db.head.state.lib_num
        if event.irreversible:
            self._announced_num = max(self._announced_num, block.num)
            self._stages.skip(self._announced_num)
            root_num = max(root_num, block.num)
        self._settle(root_num)

    # ------------------------------------------------------------ moving the head

    def _move_head(self, new: ForkItem, effects: list[Effect], trust: Trust) -> None:
        """Make new the head, whatever branch it is on; report what that changed."""

        def verifier_for(item: ForkItem) -> Verifier | None:
            return None if item.validated or trust.covers(item.signed) else self._verifier

        self._pending.leave()
        tree, ledger, profile = self._fork_db, self._ledger, self._profile
        move = execution.move_head(tree, ledger, new, profile, verifier_for, self._execute)
        if move.down:
            effects.append(Emit(record=notices.switched(move.old, new, move.ancestor)))
            self._stages.cut(move.ancestor.num)
            self._requeue(move.down, effects)
        for item, applied in zip(move.up, move.told, strict=True):
            self._report_applied(item, applied, effects)

    def _requeue(self, down: Sequence[ForkItem], effects: list[Effect]) -> None:
        """Give the transactions of undone blocks another chance, unless the new branch has them."""
        again = [
            transaction
            for item in reversed(down)
            for transaction in item.signed.transactions
            if not self._ledger.has_transaction(transaction.id)
        ]
        self.mempool.requeue(again)
        effects.extend(self.mempool.tell([each.id for each in again], "requeued"))

    def _report_applied(self, item: ForkItem, applied: Told, effects: list[Effect]) -> None:
        effects.extend(applied)
        self.mempool.remove([transaction.id for transaction in item.signed.transactions])
        effects.extend(self.mempool.tell_block(item.signed, "included"))

    def _advance_irreversible(self, effects: list[Effect]) -> None:
        """Finalize what the head's branch makes irreversible, and what a crash left unsaid."""
        lib_num = self._fork_db.head.state.lib_num
        if lib_num <= self._lib.num <= self._announced_num:
            return
        passed, lib = self._settle(lib_num), self._lib
        if lib.num <= self._announced_num:
            return
        effects.append(Finalize(num=lib.num, id=lib.id))
        for num in range(self._announced_num + 1, lib.num + 1):
            effects.append(notices.irreversible(num, self._ledger.id_at(num)))
        self._announced_num = lib.num
        for item in passed:
            effects.extend(self.mempool.tell_block(item.signed, "irreversible"))

    def _settle(self, lib_num: int) -> list[ForkItem]:
        """Make the head's branch irreversible up to lib_num; return what that adds, oldest first.

        How much of it can never be undone is the profile's.
        """
        if lib_num <= self._lib.num:
            return []
        nums, tree = range(self._lib.num + 1, lib_num + 1), self._fork_db
        passed = [tree.item(self._ledger.id_at(num)) for num in nums]
        self._lib = passed[-1].ref
        keep_num = self._profile.keep_above(lib_num)
        self._ledger.commit(keep_num)
        if keep_num > tree.root.num:
            tree.advance_root(self._ledger.id_at(keep_num))
        return passed

    # ------------------------------------------------------------ transactions

    def _on_transactions(self, event: TransactionsReceived, effects: list[Effect]) -> None:
        head = self._fork_db.head.state
        at_ns = max(event.now_ns, self.slot_clock.time_ns(head.slot))
        effects.extend(
            validation.admit_transactions(
                event, self._profile.transaction_time_ns(head, at_ns), head=head,
                pending=self._pending, mempool=self.mempool, most=self._room_of_nothing(),
            )
        )  # fmt: skip
