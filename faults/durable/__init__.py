"""What outlives the agent: ledger, journal, lease, timers, the lab lock, a trial's files."""
