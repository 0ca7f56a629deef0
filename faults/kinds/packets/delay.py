"""Delay: packets of the node are held on their way."""

from faults.kinds.shaping.shaper import Shaper


class Delay(Shaper, frozen=True, kw_only=True, tag="delay"):
    """Hold the flows of node_port: on leaving by netem, on arrival by the queue."""
