"""Decides consensus, from inputs to effects: no socket, clock, thread, disk or random source."""
