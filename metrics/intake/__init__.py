"""Raw files in: events checked and staged, and one time line for all hosts."""
