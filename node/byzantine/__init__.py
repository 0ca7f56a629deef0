"""Nodes that lie: strategies that rewrite what a correct chain wants done."""
