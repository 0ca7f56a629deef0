"""An act of a timeline that did nothing is named, with the word of whoever refused it."""

from __future__ import annotations

from metrics.measure.transactions import Sent, Transactions, undone_acts
from metrics.model.plan import PlannedAct

S = 1_000_000_000


def sent(
    act: str, at_s: int, *, refused: bool = False, lost: bool = False, reason: str = ""
) -> Sent:
    """Return a transaction of n1's client, final unless it was refused or lost."""
    done = not refused and not lost
    return Sent(
        host="n1", act=act, t_ns=at_s * S, told=frozenset(("sent",)), included=done, final=done,
        refused=refused, lost=lost, reason=reason,
    )  # fmt: skip


def test_each_act_that_did_nothing_is_told_in_order_of_time_and_load_is_not() -> None:
    found = Transactions(
        [
            sent("claim", 30, refused=True, reason="not_activated"),
            sent("vote", 12, refused=True),
            sent("vote", 13),
            sent("proxy", 14, lost=True),
            sent("", 15, refused=True, reason="expired"),
        ],
        known=True,
    )
    words = ("vote", "vote", "proxy", "claim", "register")
    acts = [PlannedAct(at_ns=0, act=word, by="usera", host="n1") for word in words]
    assert undone_acts(found, acts) == [
        "vote, sent by the client of n1 at 12.0 s, was refused: no reason told",
        "proxy, sent by the client of n1 at 14.0 s, is in no final block",
        "claim, sent by the client of n1 at 30.0 s, was refused: not_activated",
        "no client of n1 told that it sent register",
    ]
