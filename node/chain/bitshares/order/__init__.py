"""Whose turn it is where random numbers decide: a stream of bits, turns and tokens."""
