"""Faults of the disk that a node keeps its blocks on: full, without writes, slow."""
