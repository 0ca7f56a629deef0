"""Runs that nobody sits beside: queues on disk, and a unit of systemd that works each through."""
