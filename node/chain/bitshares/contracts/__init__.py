"""What transactions do on a BitShares chain: one module an operation."""
