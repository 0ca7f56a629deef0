"""What this host asks of its node: the local socket, its client, and the load."""
