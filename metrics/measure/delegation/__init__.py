"""Who may produce and why, and what operations cost and pay: what blocks did, as nodes told it."""
