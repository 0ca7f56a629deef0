"""Runs campaigns: trials from start to teardown, their records brought home, the report."""
