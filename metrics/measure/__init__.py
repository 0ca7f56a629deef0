"""One module a metric: slots, finality, propagation, recovery, forks, clocks and others."""
