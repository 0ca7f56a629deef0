"""What blocks, transactions and schedules are, and what goes into the chain and comes out of it."""
