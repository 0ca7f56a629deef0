"""Runs commands and asks agents on many hosts at once, over one warm login each."""
