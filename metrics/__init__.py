"""Event logs in, tables and a report out; offline and re-runnable."""
