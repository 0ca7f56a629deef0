"""ZeroMQ links to the peers, what they say to each other, gossip and catching up."""
