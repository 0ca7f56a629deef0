"""The host's own clock and its time daemons: read, moved, put back, and asked about."""
