"""Nodes that lie: strategies that rewrite what a correct chain wants done, before it is done.

The chain under a liar stays correct; only its work order is changed. A strategy is a pure function
of the effects, of what the node saw so far and of the random stream it is given: no socket, clock
or disk. Forged blocks are signed with the node's own keys; nobody can forge another's signature.
"""

import dataclasses
import functools
import random
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256

from node.byzantine.behaviour import Behaviour
from node.byzantine.forging import Act, Later, Memory, Moment, Self, SendTo
from node.byzantine.rounds import lucky_delay
from node.chain.encoding.crypto import PrivateKey, sign
from node.chain.model.block import Header, SignedBlock
from node.chain.model.errors import Reason
from node.chain.model.messages import Broadcast, Effect, Emit, Relay
from node.chain.model.transaction import Transaction
from node.events import Abstained

FLOOD_FORKS = 16
"""Most blocks that fork_flood sends for one slot."""
TIPS = 4
"""Most branches that ignore_watermark signs at once."""


Strategy = Callable[[Effect, Memory, Moment], list[Act]]


class Liar:
    """One node that lies while it follows a behaviour: hand it every work order of its chain."""

    def __init__(self, who: Self) -> None:
        self._memory = Memory(who)
        self.behaviour: Behaviour | None = None

    def can(self, strategy: str) -> bool:
        """Return whether there is a strategy of that name."""
        return strategy in STRATEGIES

    def follow(self, behaviour: Behaviour | None) -> None:
        """Lie so from now on; None: be correct again. What was put off is still done."""
        self.behaviour = behaviour
        if behaviour is not None:
            self._memory.by_ns = behaviour.by_ns
            self._memory.accounts = frozenset(behaviour.accounts)

    def remember(self, blocks: Iterable[SignedBlock], *, head_id: bytes, lib_num: int) -> None:
        """Take note of the blocks that the chain began with, parents first."""
        for block in blocks:
            self._memory.add(block)
        self._memory.head_id = head_id
        self._memory.forget(lib_num)

    def observe(self, effects: Sequence[Effect]) -> None:
        """Take note of effects that are carried out unchanged."""
        for effect in effects:
            self._memory.note(effect)

    def rewrite(
        self, effects: Sequence[Effect], *, now_ns: int, peers: Sequence[str], rng: random.Random
    ) -> list[Act]:
        """Return what the node does instead of these effects."""
        self.observe(effects)
        if self.behaviour is None:
            return list(effects)
        strategy = STRATEGIES[self.behaviour.strategy]
        moment = Moment(now_ns=now_ns, peers=tuple(peers), rng=rng)
        acts: list[Act] = []
        for effect in effects:
            acts.extend(strategy(effect, self._memory, moment))
        return acts

    def hides(self, block_id: bytes, now_ns: int) -> bool:
        """Return whether the node pretends not to have the block."""
        return self._memory.withheld.get(block_id, now_ns) > now_ns


def _own(effect: Effect) -> SignedBlock | None:
    """The block of our own that an effect sends out."""
    if isinstance(effect, Broadcast) and effect.source is None:
        return effect.block
    return None


def _on_own(lie: Callable[[SignedBlock, Memory, Moment], list[Act] | None]) -> Strategy:
    """The strategy that does lie instead of sending out a block of ours; None: it goes out."""

    @functools.wraps(lie)
    def strategy(effect: Effect, memory: Memory, moment: Moment) -> list[Act]:
        block = _own(effect)
        acts = None if block is None else lie(block, memory, moment)
        return [effect] if acts is None else acts

    return strategy


def _everybody(memory: Memory, moment: Moment) -> tuple[str, ...]:
    return (*moment.peers, memory.who.host)


@_on_own
def double_production(block: SignedBlock, memory: Memory, moment: Moment) -> list[Act] | None:
    """Sign a second block for each slot of ours; each goes to one half of the neighbours."""
    twin = _twin(block, memory)
    if twin is None:
        return None
    memory.twins[block.id] = twin.id
    half = len(moment.peers) // 2
    return [
        SendTo(block=block, peers=moment.peers[:half]),
        SendTo(block=twin, peers=moment.peers[half:]),
    ]


def _twin(block: SignedBlock, memory: Memory) -> SignedBlock | None:
    """Another valid block for the same slot: on the branch of twins, with another content, or on
    the grandparent."""
    top = block.num - 1
    parents = [memory.twins.get(block.previous, block.previous)]
    parents += [b.previous for b in list(memory.line(block.previous))[:1]]
    for parent_id in parents:
        for transactions in ((), block.transactions):
            found = memory.forge(block.producer, block.slot, parent_id, transactions, top)
            if found is not None and found.id != block.id:
                return found
    return None


def ignore_watermark(effect: Effect, memory: Memory, moment: Moment) -> list[Act]:
    """Sign every branch known in each slot of ours, confirming all that each branch allows."""
    block = _own(effect)
    if block is not None:
        producer, slot, tips = block.producer, block.slot, memory.tips()
    elif isinstance(effect, Emit) and isinstance(effect.record, Abstained):
        record = effect.record
        if record.reason not in (Reason.WATERMARK_NUM, Reason.WATERMARK_SLOT):
            return [effect]
        producer, slot, tips = record.producer, record.slot, [memory.head_id, *memory.tips()]
    else:
        return [effect]
    acts: list[Act] = []
    for tip in dict.fromkeys([block.previous, *tips] if block else tips):
        last = memory.last_own(producer, tip)
        forged = memory.forge(producer, slot, tip, block.transactions if block else (), last)
        if forged is not None and len(acts) < TIPS:
            acts.append(SendTo(block=forged, peers=_everybody(memory, moment)))
    return acts or [effect]


def withhold(effect: Effect, memory: Memory, moment: Moment) -> list[Act]:
    """Keep each block of ours back, and deny having it; then let it go."""
    block = _own(effect)
    if block is not None:
        memory.withheld[block.id] = moment.now_ns + memory.by_ns
    return late(effect, memory, moment)


def late(effect: Effect, memory: Memory, moment: Moment) -> list[Act]:
    """Send each block of ours late."""
    if _own(effect) is None:
        return [effect]
    return [Later(at_ns=moment.now_ns + memory.by_ns, acts=(effect,))]


@_on_own
def grind_reveals(block: SignedBlock, memory: Memory, moment: Moment) -> list[Act] | None:
    """Leave a slot of ours empty where the random number is luckier without our secret.

    Lucky is an even one. Where headers reveal no secrets every block goes out.
    """
    if not memory.random_after(block.id):
        return None
    shown = _on_shown(block, memory)
    if shown is None or memory.random_after(shown.id)[-1] % 2:
        memory.withheld[block.id if shown is None else shown.id] = sys.maxsize
        return []
    return None if shown is block else [SendTo(block=shown, peers=_everybody(memory, moment))]


@_on_own
def grind_shuffle(block: SignedBlock, memory: Memory, moment: Moment) -> list[Act] | None:
    """End each round of ours at the second whose shuffle lets us end the next round, too.

    Where times must be aligned, leave the slot empty if the next one's time does that and this
    one's does not. Other blocks, and those of chains without such a shuffle, go out as they are.
    """
    shown = _on_shown(block, memory)
    if shown is None:
        return []
    parent, after = memory.state(shown.previous), memory.state(shown.id)
    late = 0 if not parent or not after else lucky_delay(parent, after, memory.who.keys)
    everybody = _everybody(memory, moment)
    if late == 0:
        return None if shown is block else [SendTo(block=shown, peers=everybody)]
    memory.withheld[shown.id] = sys.maxsize
    moved = memory.moved(shown, late)
    if moved is None:
        return []
    at_ns = memory.who.profile.clock.time_ns(moved.slot)
    return [Later(at_ns=at_ns, acts=(SendTo(block=moved, peers=everybody),))]


def _on_shown(block: SignedBlock, memory: Memory) -> SignedBlock | None:
    """A block of ours that others can take: itself, or, on one we withheld, another on their top.

    Nobody else knows what our own chain goes on from then.
    """
    if block.previous not in memory.withheld:
        return block
    memory.withheld[block.id] = sys.maxsize
    top = memory.shown_top()
    if top is None:
        return None
    return memory.forge(block.producer, block.slot, top.id, block.transactions, block.num)


@_on_own
def wrong_confirmed(block: SignedBlock, memory: Memory, moment: Moment) -> list[Act] | None:
    """Write a wrong `confirmed`: more than the chain is long, our own blocks again, or none.

    Where headers confirm nothing there is nothing to write wrong: such blocks go out as they are.
    """
    if "confirmed" not in _fields(block.header):
        return None
    last = memory.last_own(block.producer, block.previous)
    wrong = moment.rng.choice((block.num, max(block.num - last, 1), 0))
    return [SendTo(block=_changed(block, memory, confirmed=wrong), peers=moment.peers)]


def censor(effect: Effect, memory: Memory, moment: Moment) -> list[Act]:
    """Pass no transaction on, and put none into blocks; of named accounts, only none of theirs.

    The block that its chain made with them is denied, or whoever asks for it would have it.
    """
    if isinstance(effect, Relay):
        left = [one for one in effect.transactions if not _is_censored(one, memory)]
        return [Relay(transactions=left, source=effect.source)] if left else []
    block = _own(effect)
    if block is None:
        return [effect]
    parent_id = memory.twins.get(block.previous, block.previous)
    kept = tuple([one for one in block.transactions if not _is_censored(one, memory)])
    if kept == block.transactions and parent_id == block.previous:
        return [effect]
    mark = block.num - 1 - block.header.confirmed
    forged = memory.forge(block.producer, block.slot, parent_id, kept, mark)
    if forged is None:
        return [effect]
    memory.twins[block.id] = forged.id
    memory.withheld[block.id] = sys.maxsize
    return [SendTo(block=forged, peers=_everybody(memory, moment))]


def _is_censored(transaction: Transaction, memory: Memory) -> bool:
    accounts = memory.accounts
    return not accounts or not accounts.isdisjoint(transaction.authorities)


def invalid_block(effect: Effect, memory: Memory, moment: Moment) -> list[Act]:
    """Send a block that breaks some rule before each good one of ours."""
    block = _own(effect)
    bad = None if block is None else moment.rng.choice(SPOILERS)(block, memory)
    return [effect] if bad is None else [SendTo(block=bad, peers=moment.peers), effect]


def fork_flood(effect: Effect, memory: Memory, moment: Moment) -> list[Act]:
    """Send, for one slot, a valid block on each recent block that allows one."""
    block = _own(effect)
    if block is None:
        return [effect]
    acts: list[Act] = [effect]
    for parent in list(memory.line(block.previous))[:FLOOD_FORKS]:
        forged = memory.forge(block.producer, block.slot, parent.previous, (), block.num)
        if forged is not None:
            acts.append(SendTo(block=forged, peers=moment.peers))
    return acts


def with_a_foreign_signature(block: SignedBlock, memory: Memory) -> SignedBlock | None:
    """Return the block, signed by a key that is nobody's."""
    key = PrivateKey(sha256(b"nobody" + block.id).digest())
    return SignedBlock(block.header, sign(key, sha256(block.id).digest()), block.transactions)


def with_a_wrong_root(block: SignedBlock, memory: Memory) -> SignedBlock | None:
    """Return the block with a root over other transactions than it has."""
    root = sha256(block.id).digest()[: len(block.header.transaction_mroot)]
    return _changed(block, memory, transaction_mroot=root)


def on_an_unknown_parent(block: SignedBlock, memory: Memory) -> SignedBlock | None:
    """Return the block on a parent that does not exist."""
    previous = block.previous[:4] + sha256(block.id).digest()[: len(block.previous) - 4]
    return _changed(block, memory, previous=previous)


def with_a_bad_transaction(block: SignedBlock, memory: Memory) -> SignedBlock | None:
    """Return a block with a good header over a transaction that nobody signed."""
    if memory.transaction is None:
        return None
    broken = memory.transaction.with_signatures(bytes(65))
    mark = block.num - 1 - block.header.confirmed
    return memory.forge(block.producer, block.slot, block.previous, (broken,), mark)


def with_a_changed_header(block: SignedBlock, memory: Memory) -> SignedBlock | None:
    """Return the block with a good header that is not the one its content gives."""
    if "action_mroot" not in _fields(block.header):
        return None
    return _changed(block, memory, action_mroot=sha256(block.id).digest())


def _changed(block: SignedBlock, memory: Memory, **fields: object) -> SignedBlock:
    header: Header = dataclasses.replace(block.header, **fields)  # type: ignore[type-var]
    return memory.resign(header, block)


def _fields(header: Header) -> set[str]:
    return {field.name for field in dataclasses.fields(header)}  # type: ignore[arg-type]


SPOILERS: tuple[Callable[[SignedBlock, Memory], SignedBlock | None], ...] = (
    with_a_foreign_signature,
    with_a_wrong_root,
    on_an_unknown_parent,
    with_a_bad_transaction,
    with_a_changed_header,
)

STRATEGIES: Mapping[str, Strategy] = {
    "double_production": double_production,
    "ignore_watermark": ignore_watermark,
    "withhold": withhold,
    "grind_reveals": grind_reveals,
    "grind_shuffle": grind_shuffle,
    "wrong_confirmed": wrong_confirmed,
    "late": late,
    "censor": censor,
    "invalid_block": invalid_block,
    "fork_flood": fork_flood,
}
