"""One blockchain node: consensus core in node.chain, everything that touches the world beside it."""
