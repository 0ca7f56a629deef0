"""Values that the fault agent and whoever reads its journal share; no host, no command."""
