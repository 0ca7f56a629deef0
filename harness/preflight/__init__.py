"""Judges, read-only, whether every host is fit for a campaign, with the remedy if not."""
