"""The rows of pay: who may claim what, who claimed when, and the clocks of schedules."""

import msgspec

from node.chain.state.state import Table


class PayShare(msgspec.Struct, frozen=True, array_like=True):
    """What a producer may claim of the schedule at hand, in SUF."""

    active: int
    standby: int


PAY_SHARES = Table("pay_shares", str, PayShare)
"""By producer: those of the schedule at hand who have not claimed yet."""
CLAIMED = Table("claimed", str, int)
"""By producer: when it was last claimed for, in s."""
CLOCKS = Table("pay_clocks", str, int)
"""SCHEDULE: the timer of pay schedules; PROVIDERS_PAID: when providers were last paid; in s."""
SCHEDULE, PROVIDERS_PAID = "schedule", "providers_paid"
PAY_TABLES = (PAY_SHARES, CLAIMED, CLOCKS)
