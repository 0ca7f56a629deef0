"""What benches stand on: real nodes on loopback and ports for them, loads, labs, a bare mesh."""
