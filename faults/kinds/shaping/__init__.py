"""Shaping: packets between hosts held by netem or by a packet queue, in layers that add up."""
