"""Sans-IO consensus: no socket, clock, thread, disk or random source in here."""
