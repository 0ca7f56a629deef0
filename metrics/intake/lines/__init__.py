"""Event lines of hosts, decoded strictly, and what their columns are and say."""
