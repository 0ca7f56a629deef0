"""Packs numbers, names and keys as upstream does, signs, and computes Merkle roots."""
