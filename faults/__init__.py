"""Fault values that render to commands, and the agent that carries them out on a host."""
