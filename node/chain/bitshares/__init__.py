"""BitShares DPOS 2.0: shuffled witnesses, 70 % finality in one stage, the longest chain."""
