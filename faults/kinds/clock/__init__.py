"""Clock faults: a node's, a daemon's or a host's clock stepped or drifting, and the evidence."""
