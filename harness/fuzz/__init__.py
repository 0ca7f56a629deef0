"""Hunts for schedules of faults that break the rules: draws, judges, shrinks; in the simulator."""
