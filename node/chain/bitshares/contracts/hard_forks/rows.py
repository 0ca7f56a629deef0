"""What a branch has decided on hard forks, and the notes that one of them allows."""

from typing import Literal

import msgspec

from node.chain.state.state import Table

State = Literal["waiting", "scheduled", "active", "refused"]


class HardForkRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What became of a hard fork.

    state: waiting, not approved, before its time; scheduled, approved, before its time; active, for
    good; refused, not approved when its time came, which later maintenance may still change.
    approval: the stake that voted for it when votes were counted last, of all stake then.
    """

    state: State = "waiting"
    approval: int = 0
    stake: int = 0


HARD_FORK_ROWS = Table("hard_forks", int, HardForkRow)
"""By id; one that nothing was counted or decided of has none."""
NOTES = Table("notes", str, str)
"""By account, the note that it left last."""
HARD_FORK_TABLES = (HARD_FORK_ROWS, NOTES)
