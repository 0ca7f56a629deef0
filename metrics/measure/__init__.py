"""One module a metric: finality, slots, propagation, recovery, forks, load, clocks."""
