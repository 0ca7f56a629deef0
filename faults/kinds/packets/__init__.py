"""What may become of packets between hosts: one module a kind, each a shaper."""
