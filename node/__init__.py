"""One blockchain node: consensus core in node.chain, what touches the world beside it."""
