"""How long ago a block was found valid, for the line that tells of its execution."""

from collections.abc import Callable

import msgspec

from node.chain.encoding.crypto import Verifier
from node.chain.model.block import SignedBlock
from node.chain.profile import ChainState, Profile
from node.chain.validation import WholeCheck, judge_content
from node.events import Applied


class TimedJudge:
    """Mutable: judges blocks by the rules, and remembers the last that held, and when it did."""

    def __init__(self, mono_ns: Callable[[], int]) -> None:
        self._mono_ns = mono_ns
        self._last = (b"", 0)

    def __call__(
        self, block: SignedBlock, size_bytes: int, parent: ChainState, profile: Profile,
        verifier: Verifier, is_whole: WholeCheck,
    ) -> ChainState:  # fmt: skip
        """Return what `judge_content` does, or raise what it raises."""
        state = judge_content(block, size_bytes, parent, profile, verifier, is_whole)
        self._last = block.id, self._mono_ns()
        return state

    def marked(self, applied: Applied) -> Applied:
        """Return the record of a block with how long ago it was found valid, if it was the last."""
        block_id, at_ns = self._last
        if applied.id != block_id.hex():
            return applied
        return msgspec.structs.replace(applied, executed_ns=self._mono_ns() - at_ns)
