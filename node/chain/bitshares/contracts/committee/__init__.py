"""Proposals of parameters: who approves them, how they are reviewed, who judges them (C.12)."""
