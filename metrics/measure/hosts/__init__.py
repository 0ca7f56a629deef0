"""How the hosts of a trial were, and what the processes on them cost."""
