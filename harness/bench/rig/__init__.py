"""What benches stand on: real nodes on loopback and loads for them, a bare mesh, the machine."""
