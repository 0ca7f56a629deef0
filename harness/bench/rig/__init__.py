"""What benches stand on: real nodes on loopback, loads, a lab, a bare mesh, the machine."""
