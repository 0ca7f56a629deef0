"""Explains chain data offline: headers and blocks as public APIs print them, turns, finality."""
