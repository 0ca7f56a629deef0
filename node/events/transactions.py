"""What clients do, and what they and their entry nodes tell of transactions."""

from typing import Literal

from node.events.record import Count, Record, Whole

TxState = Literal["sent", "accepted", "rejected", "included", "irreversible", "expired", "requeued"]


class Txs(Record, frozen=True, kw_only=True, tag="txs"):
    """A step in the lives of transactions that took it together: of one request, of one block.

    As their client and their entry node see it; the stamps are those of each. act: the word of the
    operation where a campaign names it. That, who signs, and the number of the block that they
    refer to (TaPoS) a client says as they are sent.
    """

    ids: list[str]
    state: TxState
    num: Count = 0
    reason: str = ""
    act: str = ""
    account: str = ""
    ref_num: Count = 0


class Load(Record, frozen=True, kw_only=True, tag="load"):
    """The client's last second: transactions due by what is asked of it, and their fate."""

    due: Count
    sent: Count
    accepted: Count
    refused: Count
    backlog: Count
    late_max_ns: Whole = 0


class Assured(Record, frozen=True, kw_only=True, tag="assured"):
    """The client was told by its node that block num is irreversible, with all before it.

    It is the last such one; told when the client asks, if it is another than before.
    """

    num: Count
    id: str
