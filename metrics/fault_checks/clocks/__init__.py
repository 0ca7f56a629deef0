"""Clocks that are moved, or told a lie, against what the targets' own events show."""
