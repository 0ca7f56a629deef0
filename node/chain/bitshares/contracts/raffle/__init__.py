"""What is drawn by lot: the random number of the block before, and a raffle that uses it."""
