"""The simulator: the same `node.chain` on virtual time, with clocks, links and crashes it makes."""
