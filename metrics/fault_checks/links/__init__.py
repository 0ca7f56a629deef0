"""Packets between hosts: late, lost, twice, overtaken or held up, as probes and counters show."""
