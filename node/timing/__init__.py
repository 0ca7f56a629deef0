"""The node's clock, its check against NTP, slots, timers, and the probes between hosts."""
