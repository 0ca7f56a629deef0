"""The base of every record of the event schema, and the numbers in them."""

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A number, an index or a size; it fits what stores 64 bits with a sign."""
Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A time or a difference."""
PROBE_PACKET_BITS = 608
"""How long a probe is on its way, with the headers of UDP and IPv4."""


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of every record; the tag is the event's kind."""
