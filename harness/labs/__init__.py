"""Makers of lab hosts on one machine; each ends in an inventory."""
