"""The state that transactions change, and those that wait to change it."""
