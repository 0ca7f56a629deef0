"""What a node tells of its head's branch before blocks are irreversible: stage by stage, once."""

from collections.abc import Callable

from node.chain.model.messages import Emit
from node.chain.profile import ChainState
from node.events import Precommitted, Safe


class Stages:
    """Mutable: up to which block each stage was told on the head's branch."""

    def __init__(self, num: int) -> None:
        self._precommitted = self._safe = num

    def cut(self, num: int) -> None:
        """Take what lies above a number for untold: the head left it."""
        self._precommitted = min(self._precommitted, num)
        self._safe = min(self._safe, num)

    def skip(self, num: int) -> None:
        """Leave what is restored up to a number untold."""
        self._precommitted = self._safe = num

    def rises(self, state: ChainState, id_at: Callable[[int], bytes | None]) -> list[Emit]:
        """Return what a head reaches and was not told yet; id_at gives the ids of its branch."""
        found: list[Emit] = []
        num = state.precommit_num
        if num is not None and num > self._precommitted:
            first, self._precommitted = self._precommitted + 1, num
            found.append(Emit(record=Precommitted(first=first, num=num, id=_id(id_at, num))))
        safe_num = state.safe_num
        if safe_num > self._safe:
            first, self._safe = self._safe + 1, safe_num
            found.append(Emit(record=Safe(first=first, num=safe_num, id=_id(id_at, safe_num))))
        return found


def _id(id_at: Callable[[int], bytes | None], num: int) -> str:
    block_id = id_at(num)
    assert block_id is not None
    return block_id.hex()
