"""Blocks of our own: whether one may be signed now, and up to where each producer has signed."""

from collections.abc import Mapping, Sequence

from coincurve import PrivateKey

from node.chain.encoding.crypto import public_key, sign
from node.chain.model.block import Header, SignedBlock
from node.chain.model.errors import Reason
from node.chain.model.messages import Tick
from node.chain.model.schedule import ProducerKey
from node.chain.model.transaction import Transaction
from node.chain.model.voice import Stance, Voice
from node.chain.model.watermark import Watermark
from node.chain.profile import ChainState, Profile


class Signing:
    """Mutable: the watermarks of this node's producers, and whether the head is no stale one.

    keys: by producer; spare_keys: further ones, used once a schedule gives a producer of ours one
    of them, as upstream finds its signature providers by public key. lib_age_ns_max: nothing is
    signed once the last irreversible block is this old. held_back: why nothing was signed at the
    last tick, where that may last. stance: what the headers of its producers support.
    """

    def __init__(
        self, profile: Profile, keys: Mapping[str, PrivateKey], watermarks: Mapping[str, Watermark],
        *, spare_keys: Sequence[PrivateKey], stale_allowed: bool, lib_age_ns_max: int | None,
        stance: Stance,
    ) -> None:  # fmt: skip
        self._profile = profile
        self._producers = frozenset(keys)
        self._keys = {public_key(key): key for key in (*keys.values(), *spare_keys)}
        self._watermarks = {name: mark for name, mark in watermarks.items() if name in keys}
        self._is_fresh = stale_allowed
        self._stance = stance
        self._lib_age_ns_max = lib_age_ns_max
        self.held_back: str | None = None

    def signs_for(self, producer: str) -> bool:
        """Return whether the producer is this node's."""
        return producer in self._producers

    def watermark(self, producer: str) -> Watermark | None:
        """Return up to where producer has signed, as far as this node knows."""
        return self._watermarks.get(producer)

    def voice(self, producer: ProducerKey) -> Voice:
        """Return that of a producer whose key this node has."""
        return Voice(key=self._keys[producer.key], stance=self._stance)

    def caught_up(self) -> None:
        """Allow signing from now on: the head is as new as the clock."""
        self._is_fresh = True

    def saw(self, block: SignedBlock) -> None:
        """Raise the watermark of a producer of ours whose block was seen."""
        name = block.producer
        if name in self._producers:
            mark = self._watermarks.get(name, Watermark(producer=name, num=0, slot=0))
            self._watermarks[name] = mark.raised(block.num, block.slot)

    def refusal(self, tick: Tick, producer: str, head: ChainState, lib_slot: int) -> str | None:
        """Return why the producer, which is ours and scheduled, must not sign a child of head now.

        In upstream's order.
        """
        if not self._is_fresh:
            return Reason.STALE
        if head.producer_for(tick.slot).key not in self._keys:
            return Reason.WRONG_KEY
        if tick.abstain is not None:
            return tick.abstain
        lib_age_ns = tick.now_ns - self._profile.clock.time_ns(lib_slot)
        if self._lib_age_ns_max is not None and lib_age_ns >= self._lib_age_ns_max:
            return Reason.IRREVERSIBLE_TOO_OLD
        refusal = self._profile.refusal(head, tick.slot, tick.now_ns, self.watermark(producer))
        if refusal is not None:
            return refusal
        return Reason.SLOT_PASSED if tick.slot <= head.slot else None

    def at_work(self, now_ns: int, head: ChainState, lib_slot: int) -> int | None:
        """Return the slot that a child of head is being built for, by one of ours; None for none.

        Source: eosio plugins/producer_plugin/producer_plugin.cpp, pending_block_mode.
        """
        slot = self._profile.clock.at_work(now_ns)
        if slot is None:
            return None
        producer = head.producer_for(slot).name
        if not self.signs_for(producer):
            return None
        tick = Tick(now_ns=now_ns, slot=slot, abstain=self.held_back)
        return None if self.refusal(tick, producer, head, lib_slot) else slot

    def sign(
        self, producer: ProducerKey, header: Header, digest: bytes, said: Sequence[Transaction]
    ) -> tuple[SignedBlock, Watermark]:
        """Return the block that says so, signed by producer, and the watermark it sets."""
        block = SignedBlock(header, sign(self._keys[producer.key], digest), tuple(said))
        watermark = Watermark(producer=producer.name, num=block.num, slot=block.slot)
        self._watermarks[producer.name] = watermark
        return block, watermark
