"""Delay: packets held by netem or by a packet queue, and what the kernel shows of it."""
