"""What operations cost on a BitShares chain, the reserve that fees fill, and what it pays."""
