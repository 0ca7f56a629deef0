"""Faults that take a host's resources from its node: processors, memory, disk."""
