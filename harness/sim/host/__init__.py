"""One simulated host: its chain, disk, clocks and load, on virtual time."""
