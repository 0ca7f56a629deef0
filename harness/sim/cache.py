"""Pure results shared by all nodes of one simulation: states, bytes, judgements, executions.

Every node derives the same state from the same parent and header. The first to ask computes it, the
others get the same value. Results are found by the identity of their arguments, which are kept, so
a forged twin of a block never gets the twin's result. With the cache off the bytes are the same.
"""

import dataclasses
import functools
import inspect
from dataclasses import dataclass
from typing import Any, cast

from node.chain.encoding.crypto import Verifier
from node.chain.execution import Told, apply_block
from node.chain.fork_db import ForkItem
from node.chain.ledger.ledger import Ledger
from node.chain.model.block import Header, SignedBlock
from node.chain.profile import ChainState, Profile
from node.chain.state.state import Change
from node.chain.validation import WholeCheck, judge_content

KEPT_MAX = 1_024
"""So many blocks' results are kept, those of the newest."""


def shared(profile: Profile) -> Profile:
    """Return the profile with its pure results remembered for all chains that use it."""
    return cast(Profile, SharedProfile(profile))


@functools.cache
def _shared_kind(kind: Any) -> Any:
    """The class of shared states for a profile's own class of states.

    A subclass, so that a profile that insists on its own states is content. Mutable only in what
    it remembers.
    """

    class Shared(kind):  # type: ignore[misc]
        """A chain state that remembers what was asked of it."""

        is_shared = True

        def child(self, header: Header) -> Any:
            """Return the state after a child with that header; raises as the state's own does."""
            known = self.__dict__.setdefault("_children", {})
            found = known.get(id(header))
            if found is None:
                found = known[id(header)] = header, _share(super().child(header))
            return found[1]

        def with_id(self, block_id: bytes) -> Any:
            """Return this state of the signed block with that id."""
            known = self.__dict__.setdefault("_with_id", {})
            found = known.get(block_id)
            if found is None:
                found = known[block_id] = super().with_id(block_id)
            return found

    for name, computed in inspect.getmembers_static(kind):
        if isinstance(computed, property):
            assert computed.fget is not None
            once: functools.cached_property[Any] = functools.cached_property(computed.fget)
            once.__set_name__(Shared, name)
            setattr(Shared, name, once)
    return Shared


def _share(state: Any) -> Any:
    """A shared state of the same value; one made by replacing fields of a shared one is."""
    kind: Any = type(state)
    if hasattr(kind, "is_shared"):
        return state
    copy = object.__new__(_shared_kind(kind))
    for field in dataclasses.fields(state):
        object.__setattr__(copy, field.name, getattr(state, field.name))
    return copy


class SharedCodec:
    """A codec that remembers the bytes of blocks, and what else was asked of the one it wraps."""

    def __init__(self, codec: Any) -> None:
        self._codec = codec
        self._raws: dict[int, tuple[SignedBlock, bytes]] = {}

    def encode(self, block: SignedBlock) -> bytes:
        """Return the block's bytes."""
        found = self._raws.get(id(block))
        if found is None:
            raw: bytes = self._codec.encode(block)
            found = self._raws[id(block)] = block, raw
        return found[1]

    def __getattr__(self, name: str) -> Any:
        return self.__dict__.setdefault(name, getattr(self._codec, name))


class SharedProfile:
    """A profile whose states are shared; it stands in for the profile it wraps."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self.codec = SharedCodec(profile.codec)
        self.genesis_state = _share(profile.genesis_state)

    def __getattr__(self, name: str) -> Any:
        return self.__dict__.setdefault(name, getattr(self._profile, name))


class SharedJudgement:
    """Judges a block once on a parent's state; the others are told the state that it leads to.

    A block that breaks a rule is judged by each node that gets it.
    """

    def __init__(self) -> None:
        self._good: dict[tuple[int, int, int], tuple[SignedBlock, ChainState, ChainState]] = {}

    def __call__(
        self, block: SignedBlock, size_bytes: int, parent: ChainState, profile: Profile,
        verifier: Verifier, is_whole: WholeCheck,
    ) -> ChainState:  # fmt: skip
        """Judge a block as `judge_content` does."""
        key = id(block), id(parent), size_bytes
        found = self._good.get(key)
        if found is None:
            state = judge_content(block, size_bytes, parent, profile, verifier, is_whole)
            found = self._good[key] = block, parent, state
            if len(self._good) > KEPT_MAX:
                del self._good[next(iter(self._good))]
        return found[2]


@dataclass(frozen=True, slots=True)
class _Execution:
    """What a block did to the state after its parent; both are kept, for their identities.

    time_ns: that its transactions were held against.
    """

    block: SignedBlock
    parent: ChainState
    changed: list[Change]
    digest: bytes
    time_ns: int
    told: Told


class SharedExecution:
    """Executes a block once for all ledgers in one state; the others take the rows it left.

    What a block does follows from itself, its parent's chain state and the ledger's state, of which
    the digest commits to every row. A ledger that is in another executes by itself; so does each
    that meets a block that cannot be executed. One that is taken on trust proves nothing to others.
    """

    def __init__(self) -> None:
        self._done: dict[tuple[int, int, bytes, bool], _Execution] = {}

    def __call__(
        self, ledger: Ledger, item: ForkItem, profile: Profile, verifier: Verifier | None
    ) -> Told:
        """Execute a block as `apply_block` does."""
        block, parent = item.signed, item.parent
        assert parent is not None
        key = id(block), id(parent.state), ledger.digest, verifier is None
        done = self._done.get(key)
        if done is None:
            told = apply_block(ledger, item, profile, verifier)
            time_ns = profile.transaction_time_ns(parent.state, profile.clock.time_ns(block.slot))
            done = _Execution(block, parent.state, ledger.changed(), ledger.digest, time_ns, told)
            self._done[key] = done
            if len(self._done) > KEPT_MAX:
                del self._done[next(iter(self._done))]
        else:
            changed, digest = done.changed, done.digest
            ledger.repeat(block.num, done.time_ns, changed, digest, block.transactions)
        return done.told
