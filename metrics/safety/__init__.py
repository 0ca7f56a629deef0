"""The invariants: what must hold in every run, judged from events."""
