"""What a node tells that is made to break the rules."""

from node.events.record import Record


class Lies(Record, frozen=True, kw_only=True, tag="lies"):
    """From now on this node breaks the rules on purpose, as it was told; or it keeps them again.

    strategy: one of node/byzantine, empty where it keeps them. No claim covers such a node.
    """

    strategy: str
