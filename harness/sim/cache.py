"""Pure results shared by all nodes of one simulation: header states, digests, roots, sizes.

Every node derives the same state from the same parent and header. The first to ask computes it, the
others get the same value. Results are found by the identity of their arguments, which are kept, so
a forged twin of a block never gets the twin's result. With the cache off the bytes are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from node.chain.block import Header, SignedBlock
from node.chain.messages import Watermark
from node.chain.profile import ChainState, Profile
from node.chain.transaction import Transaction


def shared(profile: Profile) -> Profile:
    """Return the profile with its pure results remembered for all chains that use it."""
    return cast(Profile, SharedProfile(profile))


class SharedState:
    """A chain state that remembers what was asked of it; it stands in for the state it wraps."""

    __slots__ = (
        "_children", "_digest", "_rebuilt", "_with_id", "id", "lib_num", "num", "signing_key",
        "slot", "state",
    )  # fmt: skip

    def __init__(self, state: Any) -> None:
        self.state = state
        self._children: dict[int, tuple[Header, SharedState]] = {}
        self._rebuilt: dict[int, tuple[Header, Sequence[Transaction], Header]] = {}
        self._with_id: dict[bytes, SharedState] = {}
        self._digest: bytes | None = None
        self.num: int = state.num
        self.id: bytes = state.id
        self.slot: int = state.slot
        self.lib_num: int = state.lib_num
        self.signing_key: bytes = state.signing_key

    @property
    def signing_digest(self) -> bytes:
        """Return what the block's producer signs."""
        if self._digest is None:
            digest: bytes = self.state.signing_digest
            self._digest = digest
        return self._digest

    def child(self, header: Header) -> SharedState:
        """Return the state after a child with that header; raises as the state's own does."""
        found = self._children.get(id(header))
        if found is None:
            found = header, SharedState(self.state.child(header))
            self._children[id(header)] = found
        return found[1]

    def with_id(self, block_id: bytes) -> SharedState:
        """Return this state of the signed block with that id."""
        found = self._with_id.get(block_id)
        if found is None:
            state = self.state.with_id(block_id)
            found = self if state is self.state else SharedState(state)
            self._with_id[block_id] = found
        return found

    def rebuild(self, header: Header, transactions: Sequence[Transaction]) -> Header:
        """Return the header execution gives a received child."""
        found = self._rebuilt.get(id(header))
        if found is None or found[1] is not transactions:
            result: Header = self.state.rebuild(header, transactions)
            found = header, transactions, header if result == header else result
            self._rebuilt[id(header)] = found
        return found[2]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.state, name)


class SharedCodec:
    """A codec that remembers the sizes of blocks."""

    __slots__ = ("_codec", "_sizes")

    def __init__(self, codec: Any) -> None:
        self._codec = codec
        self._sizes: dict[int, tuple[SignedBlock, int]] = {}

    def size_bytes(self, block: SignedBlock) -> int:
        """Return how many bytes the block takes on the wire."""
        found = self._sizes.get(id(block))
        if found is None:
            size: int = self._codec.size_bytes(block)
            found = self._sizes[id(block)] = block, size
        return found[1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codec, name)


class SharedProfile:
    """A profile whose states are shared; it stands in for the profile it wraps."""

    __slots__ = ("_profile", "_roots", "clock", "codec", "future_limit_ns", "genesis_state")

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._roots: dict[int, tuple[Sequence[Transaction], bytes]] = {}
        self.clock = profile.clock
        self.future_limit_ns = profile.future_limit_ns
        self.codec = SharedCodec(profile.codec)
        self.genesis_state = SharedState(profile.genesis_state)

    def transaction_mroot(self, transactions: Sequence[Transaction]) -> bytes:
        """Return the root over a block's transactions; those of a block are a tuple."""
        if not isinstance(transactions, tuple):
            return self._profile.transaction_mroot(transactions)
        found = self._roots.get(id(transactions))
        if found is None:
            found = transactions, self._profile.transaction_mroot(transactions)
            self._roots[id(transactions)] = found
        return found[1]

    def transaction_time_ns(self, parent: ChainState, at_ns: int) -> int:
        """Return what the profile says."""
        return self._profile.transaction_time_ns(_plain(parent), at_ns)

    def prefers(
        self, new: ChainState, head: ChainState, ancestor: Callable[[], ChainState]
    ) -> bool:
        """Return what the profile says."""
        return self._profile.prefers(_plain(new), _plain(head), lambda: _plain(ancestor()))

    def refusal(
        self, head: ChainState, slot: int, now_ns: int, watermark: Watermark | None
    ) -> str | None:
        """Return what the profile says."""
        return self._profile.refusal(_plain(head), slot, now_ns, watermark)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._profile, name)


def _plain(state: ChainState) -> ChainState:
    return cast(ChainState, state.state) if isinstance(state, SharedState) else state
